"""Numbers as a head has them."""

from __future__ import annotations

import pytest

from gateway.web.decimals import decimal, milliseconds


@pytest.mark.parametrize("number", [0, 9, 9_999, 10_000, 123_456_789, -1, -3600])
def test_a_number_is_written_as_python_writes_it(number: int) -> None:
    assert decimal(number) == str(number).encode()


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0.0, b"0.000"), (0.000012, b"0.012"), (0.0009999, b"0.999"), (0.25, b"250.000")],
)
def test_seconds_are_written_in_milliseconds(seconds: float, written: bytes) -> None:
    assert milliseconds(seconds) == written
