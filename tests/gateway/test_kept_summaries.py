"""A summary is found from the moment it is kept, and written with its entry or soon by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from adapters.summarizers.base import Brief
from gateway.drafting import Task
from gateway.duplicates.near import NoDuplicates
from gateway.events import Events, SummaryReused, TierFailed
from gateway.kept_summaries import KeptSummaries
from storage.entry import Part
from tests.gateway.world import World

SUMMARY = Part(b'{"text":"t"}', 1_800_000_000.0, 2.5, "digest")


class Bench:
    """Kept summaries, and what is told of them."""

    def __init__(self) -> None:
        self.world = World()
        self.store = self.world.summaries
        self.seen: list[object] = []
        events = Events(self.seen.append)
        self.kept = KeptSummaries(self.store, NoDuplicates(), events, self.world.clock)

    def task(self) -> Task:
        brief = Brief("q", (), "ko")
        return Task(
            self.world.lookup(), self.world.route, self.world.summarizer, brief, SUMMARY.digest
        )


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    opened = Bench()
    yield opened
    await opened.kept.close()


async def _until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not met():
            await asyncio.sleep(0.005)


async def test_it_is_found_before_it_is_written(bench: Bench) -> None:
    assert await bench.kept.keep(SUMMARY, bench.task()) is SUMMARY
    assert bench.store.kept == {}
    assert await bench.kept.find([bench.task()]) == {"digest": SUMMARY}
    assert bench.store.reads == 0
    assert [type(each) for each in bench.seen] == [SummaryReused]


@pytest.mark.parametrize(
    "write", [lambda bench: bench.kept.settled(), lambda bench: bench.kept.close()]
)
async def test_it_is_written_with_what_it_is_for_and_at_the_end(
    bench: Bench, write: Callable[[Bench], Coroutine[Any, Any, None]]
) -> None:
    await bench.kept.keep(SUMMARY, bench.task())
    await write(bench)
    assert [part for part, _ in bench.store.kept.values()] == [SUMMARY]
    assert await bench.kept.find([bench.task()]) == {"digest": SUMMARY}
    assert bench.store.reads == 1


async def test_what_was_paid_for_is_written_though_its_entry_never_comes(bench: Bench) -> None:
    await bench.kept.keep(SUMMARY, bench.task())
    await _until(lambda: "digest" in bench.store.kept)


async def test_what_cannot_be_written_is_told_and_not_found_any_more(bench: Bench) -> None:
    bench.store.broken = True
    await bench.kept.keep(SUMMARY, bench.task())
    await bench.kept.settled()
    assert [type(each) for each in bench.seen] == [TierFailed]
    bench.store.broken = False
    assert await bench.kept.find([bench.task()]) == {}
