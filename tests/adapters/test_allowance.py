from __future__ import annotations

import pytest
from multidict import CIMultiDict

from adapters.allowance import read_reset, seconds_until_more

NOW = 1_780_000_000.0


@pytest.mark.parametrize(
    ("text", "unit", "seconds"),
    [
        ("12", "auto", 12),
        ("0.5", "auto", 0.5),
        ("1500", "ms", 1.5),
        ("1780000030", "auto", 30),
        ("1780000030000", "auto", 30),
        ("1779999999", "auto", 0),
        ("1780000030", "s", 1_780_000_030),
        ("6m0s", "auto", 360),
        ("1h2m3.5s", "auto", 3723.5),
        ("12ms", "auto", 0.012),
        ("2026-05-28T20:27:10Z", "auto", 30),
        ("Thu, 28 May 2026 20:27:10 GMT", "auto", 30),
        ("-1", "auto", None),
        ("soon", "auto", None),
        ("", "auto", None),
        ("nan", "auto", None),
        ("6m0s later", "auto", None),
        ("2026-05-28T20:27:10", "auto", None),
    ],
)
def test_a_reset_is_read_in_every_spelling(text: str, unit: str, seconds: float | None) -> None:
    read = read_reset(text, NOW, unit)  # type: ignore[arg-type]
    assert read == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"X-RateLimit-Remaining": "3", "X-RateLimit-Reset": "9"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9"}, 9),
        ({"X-RateLimit-Remaining": "0"}, None),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "-1"}, None),
        ({"X-RateLimit-Remaining": "-1", "X-RateLimit-Reset": "9"}, None),
        ({"X-RateLimit-Remaining": "many", "X-RateLimit-Reset": "9"}, None),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "50"}, 50),
        ({"RateLimit": "limit=100, remaining=0, reset=50"}, 50),
        ({"RateLimit": "limit=100, remaining=5, reset=50"}, None),
        ({"RateLimit": '"burst";r=0;t=7, "daily";r=0;t=900'}, 900),
        ({"RateLimit": '"burst";r=0;t=7, "daily";r=12;t=900'}, 7),
        ({"RateLimit": '"daily";r=0'}, None),
        ({"RateLimit": "garbage;;=", "RateLimit-Policy": '"burst";q=100;w=60'}, None),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(10**9 - 1)}, None),
        ({"X-Left": "0", "X-Again": "2000"}, 2),
    ],
)
def test_only_an_upstream_that_has_no_call_left_makes_us_wait(
    headers: dict[str, str], seconds: float | None
) -> None:
    waits = seconds_until_more(
        CIMultiDict(headers), NOW, remaining="X-Left", reset="X-Again", unit="auto"
    )
    if "X-Left" in headers:
        waits = seconds_until_more(
            CIMultiDict(headers), NOW, remaining="X-Left", reset="X-Again", unit="ms"
        )
    assert waits == seconds
