"""Where reads of PostgreSQL go: to the replicas that keep up, and else to the primary.

Servers are compared by their place in the write-ahead log and by no clock: what was written here
is read back from a server that has replayed it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from storage.postgres import Postgres
from storage.sql import Row
from storage.tier import TierError

LOOK_EVERY = 0.25
"""Seconds between two looks at how far the replicas are."""
PATIENCE = 1.0
"""Seconds after which a replica that does not answer is left out, and the primary asked."""
MAX_LAG = 5.0
"""A replica that lacks what the primary had so many seconds ago is left out."""

_WRITTEN = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint"
_REPLAYED = "SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint"


@dataclass(slots=True)
class _Replica:
    server: Postgres
    replayed: int = -1
    """How far it is known to be, in bytes of log; -1: it does not answer."""
    keeps_up: bool = False


class PostgresReads:
    """Chooses a server for each read; `following` has to run beside."""

    def __init__(
        self,
        primary: Postgres,
        replicas: Sequence[Postgres] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._primary = primary
        self._replicas = [_Replica(server) for server in replicas]
        self.vouched: Callable[[], bool] = lambda: True
        """Whether this process knows what was withdrawn. A replica of the server may lack that:
        what it has is served only where somebody else can tell, and else the primary is asked."""
        self._clock = clock
        self._turn = 0
        self._history: deque[tuple[float, int]] = deque()
        self._task: asyncio.Task[None] | None = None

    @property
    def rotation(self) -> tuple[str, ...]:
        """The names of the replicas that are read from now."""
        return tuple(each.server.name for each in self._replicas if each.keeps_up)

    @property
    def servers(self) -> tuple[Postgres, ...]:
        """The replicas, whether they are read from or not."""
        return tuple(each.server for each in self._replicas)

    async def written(self) -> int:
        """Return the place in the log of what has been written until now; raise `TierError`.

        0 where there are no replicas: any server has it.
        """
        if not self._replicas:
            return 0
        return int((await self._primary.rows(_WRITTEN))[0][0])

    async def rows(self, statement: str, *values: object, since: int = 0) -> list[Row]:
        """Return the rows of *statement* from a server that has replayed *since*.

        From the primary alone where this process does not know what was withdrawn (`vouched`).
        Raise `TierError` where the primary fails too.
        """
        replica = self._next(since)
        if replica is None:
            return await self._primary.rows(statement, *values)
        try:
            async with asyncio.timeout(PATIENCE):
                return await replica.server.rows(statement, *values)
        except (TierError, TimeoutError):
            replica.keeps_up = False
            return await self._primary.rows(statement, *values)

    def has(self, since: int) -> bool:
        """Say whether every replica in the rotation has replayed *since*."""
        return all(each.replayed >= since for each in self._replicas if each.keeps_up)

    async def start(self) -> None:
        """Look at the replicas once, and again and again until `close`."""
        if self._replicas:
            await self.look()
            self._task = asyncio.create_task(self._keep_looking(), name="postgres replicas")

    async def look(self) -> None:
        """Ask every server how far it is, and choose who is read from."""
        with suppress(TierError, TimeoutError):
            async with asyncio.timeout(PATIENCE):
                self._history.append((self._clock(), await self.written()))
        needed = self._needed()
        await asyncio.gather(*(self._judge(each, needed) for each in self._replicas))

    async def close(self) -> None:
        """Stop looking and close the replicas."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        for each in self._replicas:
            await each.server.close()

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await self.look()

    async def _judge(self, replica: _Replica, needed: int) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                replayed = (await replica.server.rows(_REPLAYED))[0][0]
        except (TierError, TimeoutError):
            replica.keeps_up, replica.replayed = False, -1
            return
        # None: it is no replica any more. Whatever it has, it is not what the primary has.
        replica.replayed = -1 if replayed is None else int(replayed)
        replica.keeps_up = replica.replayed >= needed

    def _needed(self) -> int:
        """Return what the primary had `MAX_LAG` seconds ago."""
        limit = self._clock() - MAX_LAG
        while len(self._history) > 1 and self._history[1][0] <= limit:
            self._history.popleft()
        if self._history and self._history[0][0] <= limit:
            return self._history[0][1]
        return 0

    def _next(self, since: int) -> _Replica | None:
        if not self.vouched():
            return None
        able = [each for each in self._replicas if each.keeps_up and each.replayed >= since]
        self._turn += 1
        return able[self._turn % len(able)] if able else None
