"""What flights share: without summaries one flight is all there is of a lookup."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from adapters.errors import Kind, UpstreamError
from gateway.resolver import Resolver
from tests.gateway.world import World


def _resolver(world: World) -> Resolver:
    """Return a resolver over the parts of *world* whose source has no summaries."""
    return Resolver(
        routes={"medicine": replace(world.route, summarizer=None)},
        tiers=world.tiers,
        flights=world.flights,
        refill=world.refill,
        events=world.resolver._events,
        clock=world.clock,
    )


@pytest.mark.parametrize("summaries", [True, False])
@pytest.mark.parametrize("first", ["lookup", "renewal"])
async def test_a_lookup_and_a_renewal_at_once_are_one_call(first: str, summaries: bool) -> None:
    world = World()
    resolver = world.resolver if summaries else _resolver(world)
    world.source.gate.clear()
    asked = [resolver.resolve(world.lookup()), resolver.renew(world.lookup())]
    tasks = [asyncio.create_task(each) for each in (asked if first == "lookup" else asked[::-1])]
    while not world.source.calls:
        await asyncio.sleep(0)
    for _ in range(10):
        await asyncio.sleep(0)
    world.source.gate.set()
    answers = await asyncio.gather(*tasks)
    assert world.source.calls == 1
    assert answers[0].entry.records == answers[1].entry.records


async def test_a_renewal_without_summaries_fetches_what_is_fresh() -> None:
    world = World()
    resolver = _resolver(world)
    await resolver.resolve(world.lookup())
    world.source.records = ({"id": "2", "name": "부루펜"},)
    renewed = await resolver.renew(world.lookup())
    assert world.source.calls == 2
    assert renewed.outcome == "miss"
    kept = await resolver.resolve(world.lookup())
    assert (kept.outcome, kept.entry.records) == ("hit", renewed.entry.records)


async def test_a_fetch_that_failed_without_summaries_is_not_tried_again_at_once() -> None:
    world = World()
    resolver = _resolver(world)
    world.source.errors.append(UpstreamError(Kind.TIMEOUT, "too slow"))
    for ask in (resolver.resolve, resolver.renew):
        with pytest.raises(UpstreamError, match="too slow"):
            await ask(world.lookup())
    assert world.source.calls == 1


async def test_summaries_that_were_kept_before_there_were_none_are_carried_by_nobody() -> None:
    world = World()
    await world.resolver.resolve(world.lookup())
    renewed = await _resolver(world).renew(world.lookup())
    assert renewed.entry.summary is None
