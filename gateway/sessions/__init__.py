"""Sessions: what a client looked up last, where a source lets that shape its summaries.

A session's id is the client's own and opaque. It is kept nowhere and told to nobody: the last
lookups stand under a hash of it and its tenant, for thirty days at most.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace

from gateway.events import Events, TierFailed
from gateway.lookup import Lookup, canonical
from gateway.route import Route
from storage.sessions import Past, SessionStore
from storage.tier import TierError

MOST = 5
"""So many of its last lookups are kept of a session."""
KEPT = 30 * 86_400.0
"""Seconds for which a lookup is kept at most."""


class Sessions:
    """Puts lookups into their sessions; *clock* gives Unix seconds."""

    def __init__(
        self,
        store: SessionStore,
        routes: Mapping[str, Route],
        events: Events,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._routes = routes
        self._events = events
        self._clock = clock
        self._used = any(route.sessions for route in routes.values())
        self._pending: dict[str, asyncio.Task[None]] = {}

    async def place(self, lookup: Lookup, session: str) -> Lookup:
        """Return *lookup* with what *session* looked up before it, where that shapes its summary.

        It is remembered itself, behind the answer. Without the database there is no history.
        """
        if not self._used:
            return lookup
        name = _name(lookup.asker, session)
        this = Past(lookup.source, lookup.text, lookup.keyword)
        history: tuple[str, ...] = ()
        if self._routes[lookup.source].sessions:
            history = tuple(_told(past) for past in await self._recent(name) if past != this)
        if lookup.text:
            self._remember(name, this)
        return replace(lookup, history=history)

    async def forget(self, tenant: str, session: str) -> None:
        """Forget all of *session*; raise `TierError` when that cannot be done."""
        name = _name(tenant, session)
        await self._settled(name)
        await self._store.forget(name)

    async def close(self) -> None:
        """Finish what is being remembered."""
        for name in tuple(self._pending):
            await self._settled(name)

    async def _recent(self, name: str) -> tuple[Past, ...]:
        await self._settled(name)
        try:
            return await self._store.recent(name, self._clock() - KEPT, MOST)
        except TierError as error:
            self._events.emit(TierFailed("sessions", "get", str(error)))
            return ()

    def _remember(self, name: str, past: Past) -> None:
        before = self._pending.get(name)
        task = asyncio.create_task(self._added(name, past, self._clock(), before))
        self._pending[name] = task
        task.add_done_callback(lambda done: self._done(name, done))

    async def _added(
        self, name: str, past: Past, at: float, before: asyncio.Task[None] | None
    ) -> None:
        if before is not None:
            await asyncio.wait([before])
        try:
            await self._store.add(name, past, at, MOST)
        except TierError as error:
            self._events.emit(TierFailed("sessions", "put", str(error)))

    def _done(self, name: str, task: asyncio.Task[None]) -> None:
        if self._pending.get(name) is task:
            del self._pending[name]

    async def _settled(self, name: str) -> None:
        task = self._pending.get(name)
        if task is not None:
            await asyncio.wait([task])


def _name(tenant: str, session: str) -> str:
    """Return what stands for *session* wherever it is kept."""
    return hashlib.sha256(canonical((tenant, session))).hexdigest()


def _told(past: Past) -> str:
    return f"{past.text} ({past.keyword})" if past.keyword else past.text
