from __future__ import annotations

from adapters.errors import Kind, SummaryError, UpstreamError
from gateway.warming import Warmed, warm
from tests.gateway.world import World


async def test_what_is_fresh_is_skipped_and_what_fails_stops_nobody() -> None:
    world = World()
    fresh, broken, new = world.lookup("a"), world.lookup("b"), world.lookup("c")
    await world.resolver.resolve(fresh)
    world.source.errors.append(UpstreamError(Kind.TRANSIENT, "no luck"))
    told: list[Warmed] = []
    report = await warm(world.resolver, [fresh, broken, new], concurrency=1, progress=told.append)
    assert [(each.lookup.text, each.status, each.why) for each in told] == [
        ("a", "skipped", ""),
        ("b", "failed", "no luck"),
        ("c", "done", ""),
    ]
    assert [report.count(status) for status in ("done", "skipped", "failed")] == [1, 1, 1]


async def test_an_answer_without_its_summary_says_so() -> None:
    world = World()
    world.summarizer.errors.append(SummaryError("timeout", "slow"))
    report = await warm(world.resolver, [world.lookup()])
    assert report.results[0].why == "without summary"
