"""Batches as jobs, over a real PostgreSQL; workers that are killed are processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import ClassVar

import asyncpg
import pytest

from gateway.bulk.jobs import PART, QUEUE, Jobs, dsn_of, open_jobs
from gateway.bulk.later import FETCHED, Never
from gateway.bulk.spec import BatchesSpec
from gateway.route import Route
from gateway.wanted import Wanted, written
from storage.batches import EVERY, Batch, BatchStore
from storage.database import open_database
from tests.gateway.bulk.worked import Worked

SPEC = BatchesSpec(run_by="workers")


class Fleet(Worked):
    """A world whose batches workers do."""

    def __init__(self, store: BatchStore, url: str) -> None:
        super().__init__(store, SPEC)
        self.url = url

    async def add(self, count: int) -> str:
        asked = [written(Wanted("medicine", q=f"q{number}")) for number in range(count)]
        return (await self.batches.add("clinic", "app", asked, "")).id

    async def work_once(self, jobs: Jobs) -> None:
        """Do the jobs that there are."""
        await jobs.app.run_worker_async(queues=[QUEUE], wait=False, install_signal_handlers=False)


@pytest.fixture
async def fleet(postgres_url: str) -> AsyncIterator[Fleet]:
    tier = await open_database(postgres_url)
    yield Fleet(BatchStore(tier.database), postgres_url)
    await tier.close()


async def test_workers_do_a_batch_in_parts_that_are_asked_for_once(fleet: Fleet) -> None:
    async with open_jobs(fleet.url, fleet.batches, fleet.work) as jobs:
        fleet.batches.queue = jobs
        name = await fleet.add(PART + 5)
        await jobs.adopt()  # asks for nothing that is asked for
        waiting = list(await jobs.app.job_manager.list_jobs_async(queue=QUEUE, status="todo"))
        assert sorted(str(job.task_kwargs["part"]) for job in waiting if job.lock) == ["0", "1"]
        await fleet.work_once(jobs)
        assert await fleet.store.count(name) == {"waiting": 0, "done": PART + 5, "failed": 0}
        assert fleet.world.source.calls == PART + 5


async def test_a_batch_that_nobody_was_told_of_is_found(fleet: Fleet) -> None:
    name = await fleet.add(3)
    async with open_jobs(fleet.url, fleet.batches, fleet.work) as jobs:
        await jobs.adopt()
        await fleet.work_once(jobs)
        assert (await fleet.store.count(name))["done"] == 3


async def test_what_a_worker_left_that_died_is_done_by_the_next(fleet: Fleet) -> None:
    name = await fleet.add(8)
    fleet.world.source.gate.clear()
    async with open_jobs(fleet.url, fleet.batches, fleet.work) as jobs:
        await jobs.adopt()
        manager = jobs.app.job_manager
        # It has taken the job, done half of it, and is gone without a word.
        dead = await manager.register_worker()
        taken = await manager.fetch_job(None, worker_id=dead)
        assert taken is not None
        fleet.world.source.gate.set()
        (batch,) = await fleet.store.open()
        await fleet.work.do(batch, await fleet.store.due(name, fleet.world.clock(), 4))
        await fleet.work_once(jobs)
        assert (await fleet.store.count(name))["done"] == 4  # its lock holds the others off
        await jobs.adopt(stalled=0.0)
        await fleet.work_once(jobs)
        assert (await fleet.store.count(name))["done"] == 8
        assert fleet.world.source.calls == 8


async def test_what_is_put_off_is_asked_for_when_it_is_due(fleet: Fleet) -> None:
    name = await fleet.add(2)
    items = await fleet.store.due(name, fleet.world.clock(), 2)
    await fleet.store.postpone(name, [(item, fleet.world.clock() + 3600) for item in items])
    async with open_jobs(fleet.url, fleet.batches, fleet.work) as jobs:
        await jobs.do_part(name, 0)
        (job,) = await jobs.app.job_manager.list_jobs_async(queue=QUEUE)
        assert job.scheduled_at is not None
        assert job.scheduled_at.timestamp() == fleet.world.clock() + 3600
        assert fleet.world.source.calls == 0


async def test_what_is_written_later_is_seen_to_in_parts_and_asked_for_when_it_is_due(
    fleet: Fleet,
) -> None:
    class Sent(Never):
        parts: ClassVar[list[int]] = []

        def takes(self, batch: Batch, route: Route, wanted: Wanted) -> bool:
            return True

        async def step(self, batch: Batch, numbers: range = EVERY) -> None:
            self.parts.append(numbers.start)
            found = await store.due(batch.id, now, PART, numbers, stage=FETCHED)
            await store.move(batch.id, [item.number for item in found], "sent:1", now + 60)

    store, now = fleet.store, fleet.world.clock()
    fleet.work.later = Sent()
    name = await fleet.add(PART + 5)
    async with open_jobs(fleet.url, fleet.batches, fleet.work) as jobs:
        for part in (0, 1):
            await jobs.do_part(name, part)
        again = await jobs.app.job_manager.list_jobs_async(queue=QUEUE)
        due = {job.scheduled_at.timestamp() for job in again if job.scheduled_at}
        assert (len(list(again)), due) == (2, {now + 60})
    assert (Sent.parts, (await store.count(name))["waiting"]) == ([0, PART], PART + 5)


async def test_its_tables_stand_apart_from_the_gateways(fleet: Fleet) -> None:
    async def opened() -> None:
        async with open_jobs(fleet.url, fleet.batches, fleet.work):
            pass

    await asyncio.gather(*(opened() for _ in range(3)))
    connection = await asyncpg.connect(dsn_of(fleet.url))
    try:
        rows = await connection.fetch(
            "SELECT DISTINCT table_schema FROM information_schema.tables "
            "WHERE table_name LIKE 'procrastinate%'"
        )
    finally:
        await connection.close()
    assert [row[0] for row in rows] == ["lookup_jobs"]


def test_the_url_is_written_as_libpq_wants_it() -> None:
    assert (
        dsn_of("postgresql+asyncpg://u:p%40w@h:5433/d?ssl=require")
        == "postgresql://u:p%40w@h:5433/d?sslmode=require"
    )
