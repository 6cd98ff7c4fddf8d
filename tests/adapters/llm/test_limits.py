"""What a provider's headers say is left is not asked for in vain."""

import pytest

from adapters.llm.limits import Limits, duration
from tests.clocks import ManualClock


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("6m0s", 360), ("12ms", 0.012), ("1h2m3.5s", 3723.5), ("7", 7), ("", None), ("soon", None)],
)
def test_a_reset_is_a_go_duration(text: str, seconds: float | None) -> None:
    assert duration(text) == seconds


def headers(kind: str, left: str, reset: str, limit: str = "10") -> dict[str, str]:
    return {
        f"x-ratelimit-limit-{kind}": limit,
        f"x-ratelimit-remaining-{kind}": left,
        f"x-ratelimit-reset-{kind}": reset,
    }


def test_without_headers_nothing_is_waited_for() -> None:
    limits = Limits(ManualClock())
    limits.spend(10)
    assert limits.wait(1_000_000) == 0


def test_when_no_request_is_left_the_reset_is_waited_for() -> None:
    clock = ManualClock()
    limits = Limits(clock)
    limits.note(headers("requests", "1", "20s"))
    assert limits.wait(5) == 0
    limits.spend(5)
    assert limits.wait(5) == 20
    clock.now += 20
    assert limits.wait(5) == 0


def test_a_call_with_more_tokens_than_are_left_waits_and_a_smaller_one_does_not() -> None:
    limits = Limits(ManualClock())
    limits.note(headers("tokens", "100", "6m0s"))
    assert (limits.wait(100), limits.wait(101)) == (0, 360)


def test_a_429_is_waited_out_for_as_long_as_it_said() -> None:
    limits = Limits(ManualClock())
    limits.hold(12.5)
    assert limits.wait(1) == 12.5
    limits.hold(None)
    assert limits.wait(1) == 1


@pytest.mark.parametrize(("left", "limit"), [("-1", "10"), ("0", "0"), ("x", "10")])
def test_headers_that_count_nothing_limit_nothing(left: str, limit: str) -> None:
    limits = Limits(ManualClock())
    limits.note(headers("requests", left, "20s", limit))
    assert limits.wait(1) == 0
