from __future__ import annotations

from collections.abc import Sequence

import pytest

from adapters.errors import Kind, UpstreamError
from adapters.quota import LocalMeter
from adapters.shared_quota import SharedMeter
from adapters.sources.limits import QuotaSpec
from tests.clocks import ManualClock


class Together:
    """Counters that answer as they are told."""

    def __init__(self) -> None:
        self.said: tuple[str, float, list[int]] | None = ("", 0.0, [7])
        self.asked: list[tuple[str, list[tuple[str, int, float, float]], int]] = []
        self.latched: list[tuple[str, str, float]] = []

    async def take(
        self, name: str, windows: Sequence[tuple[str, int, float, float]], cost: int
    ) -> tuple[str, float, list[int]] | None:
        self.asked.append((name, list(windows), cost))
        return self.said

    def latch(self, name: str, label: str, seconds: float) -> None:
        self.latched.append((name, label, seconds))


def make() -> tuple[SharedMeter, Together, ManualClock]:
    clock, together = ManualClock(), Together()
    local = LocalMeter([QuotaSpec(limit=9, per="minute")], clock)
    return SharedMeter("s", local, together, clock), together, clock


async def refused(meter: SharedMeter, cost: int = 1) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        await meter.claim(cost)
    return caught.value


async def test_a_call_is_counted_together_and_the_common_count_is_told() -> None:
    meter, together, _ = make()
    await meter.claim(2)
    assert together.asked == [("s", [("minute", 9, 60.0, 0.0)], 2)]
    assert meter.usage() == {"minute": (7, 9)}


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("minute", Kind.QUOTA_SHORT),
        ("day", Kind.QUOTA_DAY),
        ("quota_short", Kind.QUOTA_SHORT),
        ("quota_day", Kind.QUOTA_DAY),
    ],
)
async def test_what_refuses_says_what_is_spent_and_for_how_long(label: str, kind: Kind) -> None:
    meter, together, _ = make()
    together.said = (label, 12.0, [9])
    error = await refused(meter)
    assert (error.kind, error.retry_after) == (kind, 12.0)


async def test_alone_it_goes_on_counting_from_its_own_calls() -> None:
    meter, together, _ = make()
    await meter.claim(8)
    together.said = None
    await meter.claim(1)
    assert (await refused(meter)).kind is Kind.QUOTA_SHORT
    assert meter.usage() == {"minute": (9, 9)}


async def test_a_spent_quota_is_told_to_all_and_believed_without_asking() -> None:
    meter, together, clock = make()
    meter.exhaust(Kind.QUOTA_SHORT, 30.0)
    assert together.latched == [("s", "quota_short", 30.0)]
    assert (await refused(meter)).retry_after == 30.0
    assert together.asked == []
    clock.advance(30)
    await meter.claim()


async def test_a_share_is_left_to_others_of_the_common_count() -> None:
    meter, together, clock = make()
    await meter.claim(leave=0.5)
    assert together.asked == [("s", [("minute", 4, 60.0, 0.0)], 1)]
    assert meter.usage() == {"minute": (7, 9)}
    local = LocalMeter([QuotaSpec(limit=10, per="day")], clock)
    daily = SharedMeter("s", local, together, clock)
    together.said = ("day", 60.0, [8])
    with pytest.raises(UpstreamError) as caught:
        await daily.claim(leave=0.2)
    assert caught.value.kind is Kind.OVERLOADED
    together.said = ("day", 60.0, [10])
    with pytest.raises(UpstreamError) as caught:
        await daily.claim(leave=0.2)
    assert caught.value.kind is Kind.QUOTA_DAY
