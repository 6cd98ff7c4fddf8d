from __future__ import annotations

from gateway.events import Responded, Served
from gateway.profiling.slowest import MOST_KEYS, SPAN, Slowest
from tests.clocks import ManualClock


def served(key: str, seconds: float) -> Served:
    return Served("medicine", key, "miss", "", seconds)


def test_the_slowest_lookups_are_kept_each_once() -> None:
    slowest = Slowest(ManualClock())
    for number in range(1000):
        slowest(served(f"v1:public:medicine:{number}", number / 1000))
    slowest(served("v1:public:medicine:999", 0.5))
    kept = slowest.lookups()
    assert [each.seconds for each in kept] == [(999 - n) / 1000 for n in range(MOST_KEYS)]


def test_what_was_slow_an_hour_ago_makes_room() -> None:
    clock = ManualClock()
    slowest = Slowest(clock)
    for number in range(MOST_KEYS):
        slowest(served(str(number), 9.0))
    clock.advance(SPAN + 1)
    assert slowest.lookups() == []
    slowest(served("new", 0.001))
    assert [each.key for each in slowest.lookups()] == ["new"]


def test_routes_tell_their_times_and_what_they_ask_the_database() -> None:
    slowest = Slowest()
    slowest(Responded("/v1/search", "GET", 200, "memory", 0.01, count=3))
    slowest(Responded("/v1/search", "GET", 200, "upstream", 2.0, queries=4))
    route = slowest.routes["/v1/search"]
    assert (route.latencies.count, route.slowest) == (4, 2.0)
    assert (route.queries, route.most_queries) == (4, 4)
