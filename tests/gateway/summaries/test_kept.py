"""A summary is found from the moment it is kept, and written with its entry or soon by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from typing import Any, Literal

import msgspec
import pytest

from adapters.summarizers.base import Brief
from gateway.events import Events, SummaryReused, TierFailed
from gateway.freshness import REJECTED_RETRY
from gateway.summaries.drafting import Task
from gateway.summaries.kept import KeptSummaries
from gateway.summaries.near import NoDuplicates
from storage.entry import Part
from tests.gateway.world import World
from tests.waiting import eventually

SUMMARY = Part(b'{"text":"t"}', 1_800_000_000.0, 2.5, "digest")
REFUSED = msgspec.structs.replace(SUMMARY, retry=REJECTED_RETRY)


class Bench:
    """Kept summaries, and what is told of them."""

    def __init__(self) -> None:
        self.world = World()
        self.store = self.world.summaries
        self.seen: list[object] = []
        self.kept = self.replica()

    def replica(self) -> KeptSummaries:
        """What another process has, or this one after a restart."""
        events = Events(self.seen.append)
        return KeptSummaries(self.store, NoDuplicates(), events, self.world.clock)

    def task(self, store: Literal["permanent", "memory_only"] = "permanent") -> Task:
        route = replace(self.world.route, store=store)
        brief = Brief("q", (), "ko")
        return Task(self.world.lookup(), route, self.world.summarizer, brief, SUMMARY.digest)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    opened = Bench()
    yield opened
    await opened.kept.close()


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
    await eventually(lambda: "digest" in bench.store.kept)


async def test_who_leaves_while_it_is_written_takes_no_summary_from_others(bench: Bench) -> None:
    bench.store.gate.clear()
    await bench.kept.keep(SUMMARY, bench.task())
    writing = asyncio.ensure_future(bench.kept.settled())
    await asyncio.sleep(0)
    writing.cancel()
    await asyncio.wait([writing])
    assert await bench.kept.find([bench.task()]) == {"digest": SUMMARY}
    assert (bench.store.reads, bench.store.kept) == (0, {})
    bench.store.gate.set()
    await bench.kept.close()
    assert "digest" in bench.store.kept


async def test_what_cannot_be_written_is_told_and_not_found_any_more(bench: Bench) -> None:
    bench.store.broken = True
    await bench.kept.keep(SUMMARY, bench.task())
    await bench.kept.settled()
    assert [type(each) for each in bench.seen] == [TierFailed]
    bench.store.broken = False
    assert await bench.kept.find([bench.task()]) == {}


async def test_what_was_refused_is_known_to_other_replicas_until_it_may_be_tried_again(
    bench: Bench,
) -> None:
    await bench.kept.keep(REFUSED, bench.task())
    await bench.kept.settled()
    other = bench.replica()
    assert await other.find([bench.task()]) == {"digest": REFUSED}
    assert bench.seen == []  # nothing was saved: nothing had been had
    assert bench.store.kept["digest"] == (REFUSED, REFUSED.at + REJECTED_RETRY)
    bench.world.clock.now = REFUSED.at + REJECTED_RETRY
    assert await other.find([bench.task()]) == {}


async def test_a_refusal_is_known_here_while_the_database_is_away(bench: Bench) -> None:
    bench.store.broken = True
    await bench.kept.keep(REFUSED, bench.task())
    await bench.kept.settled()
    assert await bench.kept.find([bench.task()]) == {"digest": REFUSED}


async def test_what_may_be_kept_in_memory_alone_is_in_no_database(bench: Bench) -> None:
    for part in (SUMMARY, REFUSED):
        await bench.kept.keep(part, bench.task("memory_only"))
    await bench.kept.settled()
    assert bench.store.kept == {}
    assert await bench.kept.find([bench.task("memory_only")]) == {"digest": REFUSED}


async def test_what_could_not_be_had_for_other_reasons_is_tried_by_everyone(bench: Bench) -> None:
    await bench.kept.keep(msgspec.structs.replace(SUMMARY, retry=30.0), bench.task())
    await bench.kept.settled()
    assert bench.store.kept == {}
    assert await bench.kept.find([bench.task()]) == {}


async def test_what_is_written_is_not_taken_for_what_came_after_it(bench: Bench) -> None:
    newer = msgspec.structs.replace(SUMMARY, body=b'{"text":"newer"}')
    bench.store.gate.clear()
    await bench.kept.keep(SUMMARY, bench.task())
    writing = asyncio.ensure_future(bench.kept.settled())
    await asyncio.sleep(0)
    await bench.kept.keep(newer, bench.task())
    bench.store.gate.set()
    await writing
    assert await bench.kept.find([bench.task()]) == {"digest": newer}
    assert bench.store.reads == 0


async def test_no_more_refusals_are_remembered_than_may_be(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.summaries.kept._REFUSALS_KEPT", 2)
    for digest in "abc":
        refused = msgspec.structs.replace(REFUSED, digest=digest)
        await bench.kept.keep(refused, bench.task("memory_only"))
    tasks = [replace(bench.task("memory_only"), digest=digest) for digest in "abc"]
    assert set(await bench.kept.find(tasks)) == {"b", "c"}
