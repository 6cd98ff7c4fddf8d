"""Batches as jobs of procrastinate, for a fleet: any worker does any part of them.

The table of batches stays the truth of what is to be done. A job only says "look at this part":
one that is lost, or made twice, costs a look. Everything of procrastinate stands in a schema of
its own beside the gateway's tables. Imported only where the configuration wants workers.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime

import procrastinate
import psycopg
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.jobs import Status
from procrastinate.schema import SchemaManager
from psycopg import sql
from sqlalchemy import make_url

from adapters.retries import backoff
from adapters.source import Priority
from gateway.bulk.batches import Batches
from gateway.bulk.work import Work
from storage.batches import Batch
from storage.tier import TierError

SCHEMA = "lookup_jobs"
QUEUE = "batches"
PART = 100
"""Lookups of one job: so many are looked at again when its worker dies."""
STALLED = 30.0
"""Seconds without a sign of life after which a worker is taken for dead."""
TRIES = 50
FIRST_WAIT, LONGEST_WAIT = 5.0, 600.0
"""Seconds between the tries of a job that the database has failed."""
_LOCK = 0x6A6F6273
"""The advisory lock of whoever makes the schema: "jobs" in ASCII."""


class Backoff(procrastinate.BaseRetryStrategy):
    """Later and later, with jitter; never more than ten minutes apart."""

    def get_retry_decision(
        self, *, exception: BaseException, job: procrastinate.jobs.Job
    ) -> procrastinate.RetryDecision | None:
        """Return when *job* is tried again; None: no more."""
        del exception
        if job.attempts >= TRIES:
            return None
        wait = backoff(job.attempts, FIRST_WAIT, LONGEST_WAIT, (1 + random.random()) / 2)  # noqa: S311 - jitter is no secret
        return procrastinate.RetryDecision(retry_in={"seconds": max(1, round(wait))})


class Jobs:
    """Has parts of batches done by whichever worker is free; *app* is open."""

    def __init__(self, app: procrastinate.App, batches: Batches, work: Work) -> None:
        self.app = app
        self._batches = batches
        self._store = batches.store
        self._work = work
        # Bound to this object: a task is found by its name, wherever it was asked for.
        self._part = app.task(name="lookup:part", queue=QUEUE, retry=Backoff())(self.do_part)
        adopt = app.task(name="lookup:adopt", queue=QUEUE, queueing_lock="adopt")(self._adopt_now)
        app.periodic(cron="* * * * *", periodic_id="adopt")(adopt)

    async def announce(self, batch: Batch) -> None:
        """Have every part of *batch* done; raise `TierError`."""
        await self._ask(batch.id, range((batch.total + PART - 1) // PART))

    async def adopt(self, stalled: float = STALLED) -> None:
        """Have done what workers left that died, and what nobody was told of."""
        with _translated():
            await self._free_stalled(stalled)
        await self._work.later.clear()
        for batch in await self._store.open():
            await self._ask(batch.id, await self._store.open_parts(batch.id, PART))

    async def run_worker(self, concurrency: int) -> None:
        """Do jobs until SIGTERM or SIGINT; those that are begun have ten seconds to end."""
        await self.adopt()
        with _translated():
            await self.app.run_worker_async(
                queues=[QUEUE],
                concurrency=concurrency,
                shutdown_graceful_timeout=10.0,
                stalled_worker_timeout=STALLED,
                delete_jobs="successful",
            )

    async def do_part(self, batch: str, part: int) -> None:
        """Do what is due of one part, and come back for what is due later."""
        numbers = range(part * PART, (part + 1) * PART)
        while (found := await self._open(batch)) is not None:
            items = await self._store.due(batch, self._batches.clock(), PART, numbers)
            if not items:
                await self._work.later.step(found, numbers)
                due = await self._store.next_due(batch, numbers)
                if due is not None:
                    await self._ask(batch, [part], due)
                return
            await self._work.do(found, items)

    async def _adopt_now(self, timestamp: int) -> None:
        del timestamp
        await self.adopt()

    async def _free_stalled(self, seconds: float) -> None:
        manager = self.app.job_manager
        for job in await manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=seconds):
            try:
                await manager.retry_job(job)
            except UniqueViolation:  # the same waits already, for this one's lock
                assert job.id is not None
                await manager.finish_job_by_id_async(job.id, Status.FAILED, delete_job=True)

    async def _open(self, batch: str) -> Batch | None:
        found = [each for each in await self._store.open() if each.id == batch]
        return found[0] if found else None

    async def _ask(self, batch: str, parts: Iterable[int], due: float | None = None) -> None:
        at = None if due is None else datetime.fromtimestamp(due, UTC)
        with _translated():
            for part in parts:
                # One waits at most, and one is done at a time, whoever has asked how often.
                name = f"{batch}:{part}"
                job = self._part.configure(
                    lock=name, queueing_lock=name, priority=-Priority.BULK, schedule_at=at
                )
                try:
                    await job.defer_async(batch=batch, part=part)
                except AlreadyEnqueued:
                    continue


@asynccontextmanager
async def open_jobs(url: str, batches: Batches, work: Work) -> AsyncIterator[Jobs]:
    """Yield jobs over the PostgreSQL at *url* (SQLAlchemy's), whose schema is made as needed.

    Raise `TierError` when it cannot be opened.
    """
    dsn = dsn_of(url)
    options = {"options": f"-c search_path={SCHEMA}", "application_name": "lookup-gateway jobs"}
    connector = procrastinate.PsycopgConnector(conninfo=dsn, kwargs=options, min_size=1, max_size=4)
    app = procrastinate.App(connector=connector)
    with _translated():
        await _make_schema(dsn)
        await app.open_async()
    try:
        yield Jobs(app, batches, work)
    finally:
        await app.close_async()


def dsn_of(url: str) -> str:
    """Return *url* as libpq writes it."""
    parsed = make_url(url).set(drivername="postgresql")
    query = {("sslmode" if name == "ssl" else name): value for name, value in parsed.query.items()}
    return parsed.set(query=query).render_as_string(hide_password=False)


async def _make_schema(dsn: str) -> None:
    """Make procrastinate's tables, once, whoever comes first."""
    name = sql.Identifier(SCHEMA)
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        await connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
        await connection.execute(sql.SQL("SET LOCAL search_path = {}").format(name))
        rows = await connection.execute("SELECT to_regclass('procrastinate_jobs')")
        made = await rows.fetchone()
        if made is None or made[0] is None:
            script = await asyncio.to_thread(SchemaManager.get_schema)
            await connection.execute(script.encode())


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (psycopg.Error, ConnectorException, OSError) as error:
        raise TierError(f"the jobs' database: {type(error).__name__}: {error}") from error
