import gc
import weakref
from types import SimpleNamespace

import pytest

from gateway.collection import FEW, PATIENCE, THRESHOLDS, WORTH, Collector, settle
from tests.clocks import ManualClock


@pytest.mark.usefixtures("collector")
def test_what_a_server_begins_with_is_not_gone_through_again() -> None:
    there = [[number] for number in range(1000)]
    settle()
    assert gc.get_freeze_count() > 1000
    assert gc.get_threshold() == THRESHOLDS
    young = [[number] for number in range(10)]
    assert len(gc.get_objects()) < 1000
    assert (len(there), len(young)) == (1000, 10)


def test_the_young_are_gone_through_while_they_are_few_and_worth_it() -> None:
    collector = Collector(lambda: 0.0)
    assert [collector.due(young) for young in (0, WORTH - 1, WORTH, FEW)] == [False] * 2 + [
        True
    ] * 2


def test_what_is_in_the_air_is_gone_through_only_where_it_does_not_land() -> None:
    now = 0.0
    collector = Collector(lambda: now)
    assert not collector.due(FEW + 1)
    now = PATIENCE - 0.5
    assert not collector.due(FEW * 5)
    now = PATIENCE
    assert collector.due(FEW + 1)


def test_patience_begins_anew_once_all_has_landed() -> None:
    now = 0.0
    collector = Collector(lambda: now)
    assert not collector.due(FEW * 5)
    now = PATIENCE - 0.5
    assert not collector.due(0)
    now = PATIENCE
    assert not collector.due(FEW * 5)


@pytest.mark.usefixtures("collector")
async def test_cycles_that_are_left_over_are_gone_at_the_next_look() -> None:
    class Left:
        pass

    settle()
    left: list[Left] = []
    for _ in range(WORTH):
        one = Left()
        one.itself = one  # type: ignore[attr-defined]
        left.append(one)
    known = [weakref.ref(one) for one in left]
    del left, one
    assert known[0]() is not None
    await Collector().look()
    assert [each for each in known if each() is not None] == []


async def test_each_look_at_what_is_in_the_air_has_the_next_one_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, gone_through = ManualClock(0.0), list[int]()
    middle = old = 0
    counted = SimpleNamespace(get_count=lambda: (FEW + 1, middle, old), collect=gone_through.append)
    monkeypatch.setattr("gateway.collection.gc", counted)
    collector = Collector(clock)
    for seconds in (PATIENCE, 0.5, PATIENCE - 1):
        clock.advance(seconds)
        await collector.look()
    assert gone_through == [0]
    middle = THRESHOLDS[1]
    clock.advance(0.5)
    await collector.look()
    assert gone_through == [0, 1]
    old = THRESHOLDS[2]
    for _ in range(2 * int(PATIENCE)):
        clock.advance(0.5)
        await collector.look()
    assert gone_through == [0, 1, 2]


@pytest.mark.usefixtures("collector")
async def test_the_young_are_gone_through_in_time_however_many_there_always_are() -> None:
    settle()
    clock, young = ManualClock(0.0), list[list[int]]()
    collector, gone_through = Collector(clock), list[float]()
    for _ in range(int(3 * PATIENCE / 0.5)):
        young += [[] for _ in range(FEW + 1 - gc.get_count()[0])]
        clock.advance(0.5)
        await collector.look()
        if gc.get_count()[0] < FEW:
            gone_through.append(clock())
    assert gone_through == [PATIENCE, 2 * PATIENCE, 3 * PATIENCE]


@pytest.mark.usefixtures("collector")
async def test_cycles_that_are_left_over_late_are_gone_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Left:
        pass

    monkeypatch.setattr("gateway.collection.THRESHOLDS", (THRESHOLDS[0], 2, 3))
    settle()
    one = Left()
    one.itself = one  # type: ignore[attr-defined]
    known = weakref.ref(one)
    gc.collect(0)
    gc.collect(1)  # it is old now
    del one
    collector, young = Collector(), list[list[int]]()
    for _ in range((2 + 1) * (3 + 1)):
        young += [[] for _ in range(WORTH)]
        await collector.look()
    assert known() is None
