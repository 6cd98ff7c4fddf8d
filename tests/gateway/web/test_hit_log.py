from math import inf
from statistics import mean

from gateway.web.hit_log import MOST, HitLog
from tests.clocks import ManualClock


def test_a_share_of_hits_is_told_and_only_so_many_a_second() -> None:
    clock = ManualClock()
    log = HitLog(0.5, clock)
    assert sum(log.room for _ in range(1000)) == MOST
    clock.advance(1)
    assert log.room


def test_the_share_is_drawn_for_many_hits_at_once() -> None:
    log = HitLog(0.1)
    drawn = [log.draw() for _ in range(10_000)]
    # Of a thousand hits a hundred: nine pass before each, give or take.
    assert 8.5 < mean(drawn) < 9.5
    assert min(drawn) == 0


def test_every_hit_or_none_is_told_where_that_is_asked() -> None:
    every = HitLog(1.0)
    assert {every.draw() for _ in range(100)} == {0}
    assert all(every.room for _ in range(100))
    assert HitLog(0.0).draw() == inf
