"""Hits are told of in batches, and none is lost."""

from __future__ import annotations

from collections import Counter

from gateway.assembly import Gateway
from gateway.events import Asked, Event, Served
from tests.clocks import ManualClock
from tests.serving import served


async def test_the_hits_of_the_last_moment_are_told_before_the_gateway_closes(
    gateway: Gateway,
) -> None:
    heard: list[Event] = []
    target = "/v1/search?source=plain&q=a"
    async with served(gateway) as client:
        for _ in range(2):  # a miss, and a hit that is parsed
            async with client.get(target) as answer:
                assert answer.status == 200
        gateway.events.subscribe(heard.append, Served)
        async with client.get(target) as answer:
            assert answer.status == 200
    assert [(event.outcome, event.count) for event in heard if isinstance(event, Served)] == [
        ("hit", 1)
    ]


async def test_hits_are_added_up_by_source_and_age_and_each_lookup_is_still_known(
    gateway: Gateway, clock: ManualClock
) -> None:
    heard: list[Event] = []
    old, young, other = (
        "/v1/search?source=plain&q=old",
        "/v1/search?source=plain&q=young",
        "/v1/search?source=medicine&q=other",
    )
    async with served(gateway) as client:
        for target in (old, young, other):
            for _ in range(2):
                assert (await client.get(target)).status == 200
            clock.advance(30)
        gateway.events.subscribe(heard.append, Served, Asked)
        for target in (old, young, other, other, young, young):
            assert (await client.get(target)).status == 200
    sums = [event for event in heard if isinstance(event, Served)]
    told = [each for event in heard if isinstance(event, Asked) for each in event.lookups]
    by_age: Counter[tuple[str, int]] = Counter()
    for event in sums:
        by_age[event.source, round(event.age)] += event.count
    assert by_age == {
        ("plain", 90): 1,
        ("plain", 60): 3,
        ("medicine", 30): 2,
    }
    assert {event.asked for event in sums} == {None}
    assert {lookup.query.text: count for lookup, count in told} == {
        "old": 1,
        "young": 3,
        "other": 2,
    }


async def test_what_is_hit_is_used_in_memory_too(gateway: Gateway) -> None:
    heard: list[Event] = []
    gateway.events.subscribe(heard.append, Served)
    target = "/v1/search?source=plain&q=a"
    async with served(gateway) as client:
        for _ in range(2):  # a miss, and a hit that is parsed
            assert (await client.get(target)).status == 200
        keys = [event.key for event in heard if isinstance(event, Served)]
        kept = gateway.tiers.handle(keys[0])
        assert kept is not None
        before = kept.hits
        assert (await client.get(target)).status == 200
    assert kept.hits == before + 1
