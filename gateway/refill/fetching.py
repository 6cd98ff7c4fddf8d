"""One fetch: what the upstream says now, checked and encoded once."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

import msgspec
import orjson

from adapters.errors import UpstreamError
from adapters.source import Payload, Priority, Query
from gateway.answer import encode_records
from gateway.events import Events, Fetched, FetchFailed
from gateway.lookup import Lookup, comparable
from gateway.route import Route
from storage.entry import Entry, Part
from storage.withdrawals import holdings

Named = tuple[tuple[str, str], ...]
"""The id and name of each record."""


class Fetch(msgspec.Struct, frozen=True):
    """What a fetch brought, encoded once."""

    part: Part
    empty: bool
    partial: tuple[str, ...]
    holds: str
    """What the answer is found by when it is to be withdrawn."""
    position: int
    """Where the log of invalidations stood before: the fence (design §7)."""
    named: Named = ()
    """What it brought anew."""


class Fetching:
    """Asks sources; *timer* counts seconds."""

    def __init__(self, events: Events, timer: Callable[[], float] = time.perf_counter) -> None:
        self._events = events
        self._timer = timer

    async def fetch(
        self, lookup: Lookup, route: Route, old: Entry | None, priority: Priority, position: int
    ) -> Fetch:
        """Return what the source says now, which may be that *old* still holds.

        *position* is where the log of invalidations stands. Raise `UpstreamError`.
        """
        started = self._timer()
        # What lacks a part is asked for anew, or it would lack it for ever.
        known = "" if old is None or old.partial else old.records.validator
        query = Query(lookup.text, lookup.params, lookup.language, priority, known)
        try:
            payload = await route.source.fetch(query)
            if not payload.unchanged:
                route.gate.check_payload(payload)
        except UpstreamError as error:
            seconds = self._timer() - started
            self._events.emit(
                FetchFailed(lookup.source, lookup.key, error.kind.value, error.message, seconds)
            )
            raise
        seconds = self._timer() - started
        count = len(payload.records)
        self._events.emit(Fetched(lookup.source, lookup.key, count, seconds, tenant=lookup.asker))
        if old is not None and payload.unchanged:
            part = msgspec.structs.replace(old.records, at=payload.at, cost=seconds)
            return Fetch(part, old.empty, old.partial, old.holds, position)
        body, digest = encode_records(payload), digest_of(payload)
        part = Part(body, payload.at, seconds, digest, validator=payload.validator)
        named = tuple([(str(record["id"]), str(record["name"])) for record in payload.records])
        holds = holdings(lookup.text, [(each, comparable(name)) for each, name in named])
        return Fetch(part, not payload.records, payload.partial, holds, position, named)


def digest_of(payload: Payload) -> str:
    """Name the content of *payload*: what it says, not when it said so."""
    records = [dict(record) for record in payload.records]
    content = orjson.dumps(records, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).hexdigest()
