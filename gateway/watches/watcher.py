"""Looking up what watches watch, when they are due, and telling what changed.

A watch is claimed in the database when it is due, so that one replica looks it up. What it saw last
is kept with it: others may renew the same answer in between, and nothing is missed for that.
"""

from __future__ import annotations

import asyncio
import secrets
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace

import msgspec
import orjson

from adapters.errors import UpstreamError
from adapters.source import Priority, Record
from gateway.answer import decode_records
from gateway.events import Events, WatchChanged
from gateway.instants import instant
from gateway.lookup import Lookup
from gateway.outbox import told
from gateway.parameters import BadLookupError
from gateway.resolver import Resolver
from gateway.route import Route
from gateway.wanted import read_wanted
from gateway.watches.changes import Changes, changes
from gateway.watches.schedule import ScheduleError, next_due
from gateway.watches.spec import WatchesSpec
from storage.entry import Entry
from storage.watches import Delivery, Watch, WatchStore

TERM = 900.0
"""Seconds after which a watch is another process's, if the one that looks it up has died: longer
than the longest flight."""
UNSCHEDULED = 86_400.0
"""Seconds after which a watch is tried again whose schedule has no next time any more."""


class Watcher:
    """Looks up the watches that are due."""

    def __init__(
        self,
        *,
        store: WatchStore,
        spec: WatchesSpec,
        resolver: Resolver,
        routes: Mapping[str, Route],
        events: Events,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._spec = spec
        self._resolver = resolver
        self._routes = routes
        self._events = events
        self._clock = clock

    async def look_at_due(self) -> int:
        """Look up some of the watches that are due; return how many. Raise `TierError`."""
        now = self._clock()
        due = await self._store.claim(now, now + TERM, self._spec.concurrency)
        async with asyncio.TaskGroup() as group:
            for watch in due:
                group.create_task(self._look(watch))
        return len(due)

    async def _look(self, watch: Watch) -> None:
        try:
            wanted = read_wanted(watch.asked)
            _, lookup = wanted.lookup(self._routes, watch.tenant)
            answer = await self._resolver.renew(
                lookup, want_summary=wanted.summary, priority=Priority.WARMUP
            )
        except (BadLookupError, UpstreamError) as error:
            await self._store.saw(replace(watch, due=self._next(watch), error=error.message))
            return
        await self._saw(watch, lookup, answer.entry)

    async def _saw(self, watch: Watch, lookup: Lookup, entry: Entry) -> None:
        now, due = self._clock(), self._next(watch)
        seen = replace(watch, due=due, checked=now, error="")
        digest = entry.records.digest
        # What lacks a part looks as if its records had gone.
        if entry.partial or digest == watch.digest:
            await self._store.saw(seen)
            return
        records = decode_records(entry.records.body)
        differs = changes(_unpacked(watch.seen), records) if watch.digest else Changes()
        seen = replace(
            seen,
            digest=digest,
            seen=_packed(records),
            changed=now if differs else watch.changed,
        )
        if not differs:
            await self._store.saw(seen)
            return
        event = WatchChanged(
            watch.tenant,
            watch.id,
            lookup.source,
            lookup.key,
            watch.note,
            watch.category,
            msgspec.to_builtins(differs),
        )
        if await self._store.saw(seen, _call_of(watch, event, now)):
            self._events.emit(event)

    def _next(self, watch: Watch) -> float:
        now = self._clock()
        try:
            return next_due(watch.schedule, watch.zone, now)
        except ScheduleError:
            return now + UNSCHEDULED


def _call_of(watch: Watch, event: WatchChanged, now: float) -> Delivery | None:
    if not watch.webhook:
        return None
    at = instant(now, 3)
    ((kind, data, _),) = told(event, at[:10])
    body = orjson.dumps({"type": kind, "at": at, "data": data})
    return Delivery(secrets.token_hex(12), watch.id, watch.webhook, body.decode(), 0, now)


def _packed(records: tuple[Record, ...]) -> bytes:
    return zlib.compress(orjson.dumps(records), 3)


def _unpacked(seen: bytes) -> list[Record]:
    return list(orjson.loads(zlib.decompress(seen)))
