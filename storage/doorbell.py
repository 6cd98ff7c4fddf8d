"""How replicas are woken when something was withdrawn: quickly, and never with a promise.

A message that is lost costs until the next poll and nothing else: the log is the truth.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import AsyncExitStack
from typing import Protocol

from storage.postgres import Postgres
from storage.sqlite import Sqlite
from storage.tier import TierError

CHANNEL = "lookup_invalidations"
_LOOK_EVERY = 0.05


class Doorbell(Protocol):
    """Wakes whoever follows the log."""

    async def ring(self, position: int) -> None:
        """Tell the others that the log has come to *position*; a failure is nobody's."""

    async def wait(self, within: float) -> None:
        """Return when it rings, or after *within* seconds."""

    async def close(self) -> None:
        """Give back what it holds."""


class SqliteDoorbell:
    """Looks where the log stands, often: a look takes some fifteen microseconds of a thread."""

    def __init__(self, database: Sqlite) -> None:
        self._database = database
        self._position = -1

    async def ring(self, position: int) -> None:
        """The commit itself is what others see."""

    async def wait(self, within: float) -> None:
        """Return when the log has moved, or after *within* seconds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within
        while (left := end - loop.time()) > 0:
            await asyncio.sleep(min(_LOOK_EVERY, left))
            position = await self._look()
            if position != self._position:
                self._position = position
                return

    async def close(self) -> None:
        """It holds nothing."""

    async def _look(self) -> int:
        select = "SELECT position FROM invalidation_state"
        try:
            return int(await self._database.read(lambda c: c.execute(select).fetchone()[0]))
        except sqlite3.Error:
            return self._position  # whoever reads the log itself tells of it


class PostgresDoorbell:
    """LISTEN and NOTIFY, on a connection that it keeps and replaces when it breaks."""

    def __init__(self, database: Postgres) -> None:
        self._database = database
        self._rung = asyncio.Event()
        self._stack = AsyncExitStack()
        self._connected = False

    async def ring(self, position: int) -> None:
        """Notify every session that listens."""
        try:
            await self._database.rows("SELECT pg_notify(?, ?)", CHANNEL, str(position))
        except TierError:
            return  # the others' poll finds the position

    async def wait(self, within: float) -> None:
        """Return at a notification, or after *within* seconds; also where nobody can be heard."""
        try:
            async with asyncio.timeout(within):
                await self._listen(within)
                await self._rung.wait()
        except TimeoutError:
            pass
        self._rung.clear()

    async def close(self) -> None:
        """Give the connection back."""
        self._connected = False
        try:
            await self._stack.aclose()
        except TierError:
            return  # it was broken already

    async def _listen(self, pause: float) -> None:
        if self._connected:
            return
        await self.close()
        self._stack = AsyncExitStack()
        try:
            connection = await self._stack.enter_async_context(self._database.listening(CHANNEL))
        except TierError:
            await asyncio.sleep(pause)
            return
        await connection.add_listener(CHANNEL, lambda *_: self._rung.set())
        connection.add_termination_listener(self._broken)
        self._connected = True
        self._rung.set()  # what was said before is not known

    def _broken(self, _connection: object) -> None:
        self._connected = False
        self._rung.set()


class Doorbells:
    """Several as one: who misses one of them hears the other."""

    def __init__(self, *doorbells: Doorbell) -> None:
        self._doorbells = doorbells

    async def ring(self, position: int) -> None:
        """Ring all of them."""
        await asyncio.gather(*(each.ring(position) for each in self._doorbells))

    async def wait(self, within: float) -> None:
        """Return when one of them rings, or after *within* seconds."""
        waits = [asyncio.create_task(each.wait(within)) for each in self._doorbells]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def close(self) -> None:
        """Close all of them."""
        for each in self._doorbells:
            await each.close()


def open_doorbell(database: Sqlite | Postgres, other: Doorbell | None = None) -> Doorbell:
    """Return the doorbell that needs nothing but *database*, and *other* beside it."""
    own = SqliteDoorbell(database) if isinstance(database, Sqlite) else PostgresDoorbell(database)
    return own if other is None else Doorbells(own, other)
