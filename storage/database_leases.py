"""Leases as rows of the database, for replicas that share it and no Redis.

Two statements for each work and one for each look; no clock but the database's orders them.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial

from storage.leases import Look, Note, Noted, Result, Work
from storage.postgres import Postgres
from storage.shared_leases import POLL, TERM, Answer, SharedLeases
from storage.sql import Database
from storage.tier import TierError

CHANNEL = "lookup_leases"
DEAF_POLL = 0.2
"""Seconds between two looks where no end of a lease can be heard."""
PURGE_EVERY = 1000
"""Leases that are given back between two removals of old ones."""
_NOW = {
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
    "postgresql": "extract(epoch from clock_timestamp())::float8",
}
# Free, left by an owner that is gone, forgotten; or done, where the work is wanted all the same.
_ACQUIRE = (
    "INSERT INTO leases (key, owner, note, until) VALUES (?, ?, '', {now} + ?) "
    "ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, note = '', until = excluded.until "
    "WHERE leases.until <= {now} OR (leases.owner = '' AND ? = 1)"
)
_LOOK = "SELECT owner, note, until - {now} FROM leases WHERE key = ?"
_RENEW = "UPDATE leases SET until = {now} + ? WHERE key = ? AND owner = ?"
_RELEASE = "UPDATE leases SET owner = '', note = ?, until = {now} + ? WHERE key = ? AND owner = ?"
_PURGE = "DELETE FROM leases WHERE until <= {now} - 60"


class DatabaseLeases(SharedLeases):
    """Leases in *database*, which its owner closes."""

    def __init__(self, database: Database, term: float = TERM) -> None:
        listens = isinstance(database, Postgres)
        super().__init__(term, POLL if listens else DEAF_POLL)
        self._database = database
        self._now = _NOW[database.dialect]
        self._ends = 0
        self._hearing: asyncio.Task[None] | None = None

    async def once(self, key: str, work: Work[Result], look: Look[Result], noted: Noted) -> Result:
        """Return what *work* makes, or what *look* finds of another's work for *key*."""
        if isinstance(self._database, Postgres) and self._hearing is None:
            task = asyncio.create_task(self._hear(self._database), name="hear leases")
            self._hearing = task
        return await super().once(key, work, look, noted)

    async def purge(self) -> int:
        """Remove rows that say nothing any more; return how many, or raise `TierError`."""
        return await self._database.change(self._sql(_PURGE))

    async def close(self) -> None:
        """Finish what is being given back."""
        await super().close()
        if self._hearing is not None:
            self._hearing.cancel()
            await asyncio.wait([self._hearing])

    async def _acquire(self, key: str, token: str, *, insist: bool) -> Answer:
        values = (key, token, self._term, int(insist))
        if await self._database.change(self._sql(_ACQUIRE), *values):
            return Answer(ours=True, note="" if insist else None)
        rows = await self._database.rows(self._sql(_LOOK), key)
        if not rows:  # it was removed between the two
            return Answer(ours=False, left=0.001)
        owner, note, left = rows[0]
        if owner:
            return Answer(ours=False, left=left)
        return Answer(ours=False, note=note)

    async def _renew(self, key: str, token: str) -> None:
        await self._database.change(self._sql(_RENEW), self._term, key, token)

    async def _give_back(self, key: str, token: str, note: Note, linger: float) -> None:
        ended = await self._database.change(self._sql(_RELEASE), note.text, linger, key, token)
        self._ends += 1
        if self._ends % PURGE_EVERY == 0:
            self._behind(self._tidy())
        if ended and isinstance(self._database, Postgres):
            await self._database.rows("SELECT pg_notify(?, ?)", CHANNEL, key)

    async def _hear(self, database: Postgres) -> None:
        """Wake who waits for what other sessions say has ended."""
        while True:
            with suppress(TierError):
                async with database.listening(CHANNEL) as connection:
                    broken = asyncio.Event()
                    await connection.add_listener(CHANNEL, lambda *said: self._wake(said[3], None))
                    connection.add_termination_listener(partial(_tell, broken))
                    self._wake_all()
                    await broken.wait()
            self._wake_all()
            await asyncio.sleep(self._poll)

    async def _tidy(self) -> None:
        with suppress(TierError):
            await self.purge()

    def _sql(self, statement: str) -> str:
        return statement.format(now=self._now)


def _tell(broken: asyncio.Event, _connection: object) -> None:
    broken.set()
