"""The API keys that are valid, in memory, followed from the table that all replicas share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from gateway.access.identity import Identity, UnknownCallerError
from gateway.access.keys import ApiKey, from_row
from gateway.beside import beside, every
from storage.access import KeyRow
from storage.tier import TierError

POLL = 1.0
"""Seconds within which a key that another process revoked is no key here any more."""
MISSES = 0.2
"""Seconds between two looks into the table for keys that are not known."""


class KeyStore(Protocol):
    """The table of keys."""

    async def all(self) -> Sequence[KeyRow]:
        """Return every key; raise `TierError`."""


class KeyRing:
    """Follows *store*; *clock* gives Unix seconds."""

    def __init__(self, store: KeyStore, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._rows: Sequence[KeyRow] = ()
        self._keys: dict[str, ApiKey] = {}
        self._until: dict[str, float] = {}
        self._loaded = 0.0
        self._lock = asyncio.Lock()
        self._hear: list[Callable[[], None]] = []

    def heard(self, hear: Callable[[], None]) -> None:
        """Have *hear* called whenever keys have changed."""
        self._hear.append(hear)

    @property
    def count(self) -> int:
        """How many keys are valid."""
        now = self._clock()
        return sum(key.valid(now) for key in self._keys.values())

    def valid(self, number: str) -> bool:
        """Whether the key *number* is known and valid now."""
        return self._clock() < self.until(number)

    def until(self, number: str) -> float:
        """Return the Unix seconds until which the key *number* is valid; 0 for one that is not."""
        return self._until.get(number, 0.0)

    async def find(self, number: str) -> bool:
        """Whether the key *number* is valid; one that is not known is looked for in the table."""
        if number not in self._keys:
            await self._look()
        return self.valid(number)

    async def prove(self, number: str, secret: str) -> Identity:
        """Return who shows the key; raise `UnknownCallerError`, which says the same of all."""
        await self.find(number)
        key = self._keys.get(number)
        if key is None or not key.proves(secret, self._clock()):
            raise UnknownCallerError("the API key is unknown, expired or revoked")
        return key.identity

    async def load(self) -> None:
        """Read the table; raise `TierError`."""
        rows = await self._store.all()
        self._loaded = self._clock()
        if rows == self._rows:
            return
        self._rows = rows
        self._keys = {row.id: from_row(row) for row in rows}
        self._until = {number: key.until for number, key in self._keys.items()}
        for hear in self._hear:
            hear()

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Read the table each second within the context."""
        async with beside(keyring=every(POLL, self._reload, at_once=True)):
            yield

    async def _look(self) -> None:
        async with self._lock:
            if self._clock() - self._loaded >= MISSES:
                with suppress(TierError):  # a key that cannot be looked up is not known
                    await self.load()

    async def _reload(self) -> None:
        # A table that cannot be read is told by every other reader of that database.
        with suppress(TierError):
            await self.load()
