"""Hits are told of in batches, and none is lost."""

from __future__ import annotations

from gateway.assembly import Gateway
from gateway.events import Event, Served
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
