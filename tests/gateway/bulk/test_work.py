from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.errors import Kind, UpstreamError
from adapters.source import Priority
from gateway.bulk.batches import TooManyBatchesError
from gateway.bulk.running import Runner, working
from gateway.bulk.spec import BatchesSpec
from gateway.events import Events
from gateway.wanted import Wanted, written
from storage.batches import Batch, BatchStore
from storage.database import open_database
from storage.tier import TierError
from tests.gateway.bulk.worked import Worked
from tests.waiting import eventually

SPEC = BatchesSpec(at_once=1, concurrency=4, max_open=2)


@pytest.fixture
async def store() -> AsyncIterator[BatchStore]:
    tier = await open_database("sqlite+aiosqlite:///:memory:")
    yield BatchStore(tier.database)
    await tier.close()


class Bulk(Worked):
    """A world in which this process works on batches."""

    def __init__(self, store: BatchStore) -> None:
        super().__init__(store, SPEC, draw=lambda: 1.0)
        self.runner = Runner(self.batches, self.work, Events(), term=5.0)

    async def add(self, *queries: str, **more: object) -> Batch:
        asked = [written(Wanted("medicine", q=query, **more)) for query in queries]  # type: ignore[arg-type]
        return await self.batches.add("clinic", "app", asked, "")

    async def counts(self, batch: Batch) -> dict[str, int]:
        return {str(status): n for status, n in (await self.store.count(batch.id)).items()}

    async def until(self, batch: Batch, **counts: int) -> None:
        while (await self.counts(batch)).items() & counts.items() != counts.items():
            await asyncio.sleep(0.005)

    async def ended(self, batch: Batch) -> None:
        while (await self.batches.progress(batch.id, "clinic")).batch.state == "open":  # type: ignore[union-attr]
            await asyncio.sleep(0.005)


@pytest.fixture
def bulk(store: BatchStore) -> Bulk:
    return Bulk(store)


async def test_a_batch_is_done_as_bulk_work_and_each_lookup_once(bulk: Bulk) -> None:
    batch = await bulk.add("a", "b", "a", "c")
    async with working(bulk.batches, bulk.work, Events()):
        await bulk.until(batch, done=4)
        await bulk.ended(batch)
    assert bulk.world.source.calls == 3
    assert set(bulk.world.source.priorities) == {Priority.BULK}
    progress = await bulk.batches.progress(batch.id, "clinic")
    assert progress is not None
    assert progress.batch.state == "done"
    results = await bulk.batches.results(batch.id, 0)
    assert sorted(each.number for each in results) == [0, 1, 2, 3]


async def test_a_lookup_that_wants_no_summary_pays_for_none(bulk: Bulk) -> None:
    batch = await bulk.add("a", summary=False)
    async with working(bulk.batches, bulk.work, Events()):
        await bulk.until(batch, done=1)
    assert bulk.world.summarizer.briefs == []


async def test_who_goes_on_after_another_died_pays_for_nothing_twice(bulk: Bulk) -> None:
    batch = await bulk.add(*"abcdefgh")
    # Somebody has claimed the batch, done some of it, and died before it could say so.
    now = bulk.world.clock()
    assert await bulk.store.claim("dead", now, now + 15) is not None
    for item in await bulk.store.due(batch.id, now, 3):
        await bulk.work.do(batch, [item])
        statement = "UPDATE batch_items SET status = 'waiting', place = 0 WHERE number = ?"
        await bulk.store._database.change(statement, item.number)
    assert bulk.world.source.calls == 3
    bulk.world.clock.advance(16)
    async with working(bulk.batches, bulk.work, Events()):
        await bulk.until(batch, done=8)
    assert bulk.world.source.calls == 8


async def test_who_is_stopped_gives_the_batch_back_at_once(bulk: Bulk) -> None:
    batch = await bulk.add("a", "b")
    bulk.world.source.gate.clear()
    async with working(bulk.batches, bulk.work, Events()):
        while not bulk.world.source.calls:
            await asyncio.sleep(0.005)
    bulk.world.source.gate.set()
    async with working(bulk.batches, bulk.work, Events()):
        await bulk.until(batch, done=2)
    assert bulk.world.source.calls == 2


async def test_what_fails_is_tried_again_later_and_told_when_it_is_given_up(bulk: Bulk) -> None:
    bulk.world.source.errors.extend(
        [UpstreamError(Kind.MALFORMED, "half of it"), UpstreamError(Kind.INVALID_INPUT, "no")]
    )
    batch = await bulk.add("a", "b")
    items = await bulk.store.due(batch.id, bulk.world.clock(), 10)
    for item in items:
        await bulk.work.do(batch, [item])
    assert await bulk.counts(batch) == {"waiting": 1, "done": 0, "failed": 1}
    (failed,) = await bulk.batches.results(batch.id, 0)
    assert (failed.number, failed.detail) == (
        1,
        '{"kind":"invalid_input","message":"no","parameter":""}',
    )
    assert await bulk.store.next_due(batch.id) == bulk.world.clock() + 10
    bulk.world.clock.advance(30)
    await bulk.work.do(batch, await bulk.store.due(batch.id, bulk.world.clock(), 10))
    assert await bulk.counts(batch) == {"waiting": 0, "done": 1, "failed": 1}


async def test_a_spent_quota_holds_the_rest_of_its_source_back_without_asking(bulk: Bulk) -> None:
    bulk.world.source.errors.append(UpstreamError(Kind.QUOTA_DAY, "spent", retry_after=3600.0))
    bulk.world.source.gate.clear()
    batch = await bulk.add(*(str(number) for number in range(100)))
    doing = asyncio.create_task(
        bulk.work.do(batch, await bulk.store.due(batch.id, bulk.world.clock(), 500))
    )
    while bulk.world.source.calls < SPEC.concurrency:
        await asyncio.sleep(0)
    bulk.world.source.gate.set()
    await doing
    assert bulk.world.source.calls == SPEC.concurrency
    assert await bulk.store.next_due(batch.id) == bulk.world.clock() + 3600
    done = SPEC.concurrency - 1
    assert await bulk.counts(batch) == {"waiting": 100 - done, "done": done, "failed": 0}


async def test_a_lookup_that_the_configuration_does_not_know_any_more_fails(bulk: Bulk) -> None:
    asked = [written(Wanted("gone", q="a")), '{"another": "version"}']
    batch = await bulk.batches.add("clinic", "app", asked, "")
    async with working(bulk.batches, bulk.work, Events()):
        await bulk.until(batch, failed=2)


async def test_cancelled_is_cancelled(bulk: Bulk) -> None:
    batch = await bulk.add(*"abcdefghij")
    bulk.world.source.gate.clear()
    runner = Runner(bulk.batches, bulk.work, Events(), term=0.05)
    task = asyncio.create_task(runner.run())
    while not bulk.world.source.calls:
        await asyncio.sleep(0.005)
    assert not await bulk.batches.cancel(batch.id, "other")
    assert await bulk.batches.cancel(batch.id, "clinic")

    def at_work() -> bool:
        return any(each.get_name() == f"batch {batch.id}" for each in asyncio.all_tasks())

    await eventually(lambda: not at_work())
    bulk.world.source.gate.set()
    await bulk.world.landed()
    task.cancel()
    await asyncio.wait([task])
    assert bulk.world.source.calls == SPEC.concurrency


async def test_a_tenant_has_so_many_open_batches(bulk: Bulk) -> None:
    await bulk.add("a")
    await bulk.add("b")
    with pytest.raises(TooManyBatchesError):
        await bulk.add("c")
    await bulk.batches.add("other", "app", [], "")


async def test_a_batch_that_could_not_be_announced_is_kept_all_the_same(bulk: Bulk) -> None:
    class Away:
        async def announce(self, batch: Batch) -> None:
            raise TierError("away")

    bulk.batches.queue = Away()
    batch = await bulk.add("a")
    assert await bulk.store.open() == [batch]
