from gateway.web.hit_log import MOST, HitLog
from tests.clocks import ManualClock


def test_a_share_of_hits_is_told_and_only_so_many_a_second() -> None:
    clock = ManualClock()
    log = HitLog(0.5, clock)
    assert sum(log.drawn for _ in range(1000)) == MOST
    clock.advance(1)
    assert 0 < sum(log.drawn for _ in range(10)) < 10


def test_every_hit_or_none_is_told_where_that_is_asked() -> None:
    assert sum(HitLog(1.0).drawn for _ in range(100)) == 100
    assert not any(HitLog(0.0).drawn for _ in range(100))
