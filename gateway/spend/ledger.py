"""What was spent, saved and wasted: a listener that adds up and writes behind.

*Spent* is what calls cost, *wasted* what of that brought nothing. *Saved* is what the calls had
cost that were not made: for each answer that was there or was shared, its summary and one call
upstream; for each summary that was there when new records called for one, that summary.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from gateway.beside import beside, every
from gateway.events import (
    ByKind,
    Embedded,
    Events,
    Fetched,
    Served,
    Summarized,
    SummaryReused,
    SummaryUnread,
    SummaryWasted,
    TierFailed,
)
from gateway.lookup import tenant_of
from gateway.spend.budgets import scopes_of
from gateway.spend.prices import nanos_of
from gateway.spend.rows import Rows, by_scope, no_rows
from storage.spend import Account, Amounts, SpendStore
from storage.tier import TierError

FLUSH_EVERY = 2.0
"""Seconds between two writes: what a crash loses, and how far behind other replicas are."""
_DAY = 86_400
_SPARED = frozenset({"hit", "stale", "collapsed", "similar"})

_Call = Summarized | SummaryWasted | Embedded


class Ledger(ByKind):
    """Adds up what events tell; *call_prices* has what a call to a source costs, in billionths.

    Nothing here is awaited by a lookup: sums are written every `FLUSH_EVERY` seconds within
    `running`, and what cannot be written is kept for the next time.
    """

    def __init__(
        self,
        store: SpendStore,
        *,
        call_prices: Mapping[str, int],
        events: Events,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._call_prices = call_prices
        self._events = events
        self._clock = clock
        self._day = ""
        self._day_ends = 0.0
        self._written: Mapping[Account, Amounts] = {}
        """Of today, by all replicas, when last read."""
        self._batch: Rows = no_rows()
        """On its way to the database."""
        self._pending: Rows = no_rows()
        self._known: Counter[str] = Counter()
        """What models cost today by scope: as written, and since."""
        self._since: Counter[str] = Counter()
        super().__init__(
            {
                Served: self._served,
                Fetched: self._fetched,
                Summarized: self._called,
                SummaryWasted: self._called,
                Embedded: self._embedded,
                SummaryReused: self._reused,
                SummaryUnread: self._unread,
            }
        )

    def today(self) -> str:
        """Return the day (UTC) that is counted for now; a new one begins with nothing."""
        now = self._clock()
        if now >= self._day_ends:
            self._day = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
            self._day_ends = (now // _DAY + 1) * _DAY
            self._written = {}
            self._known.clear()
            self._since.clear()
        return self._day

    def spent(self, scope: str) -> int:
        """Return what models cost today in *scope* (`budgets.scopes_of`), in billionths."""
        self.today()
        return self._known[scope] + self._since[scope]

    def call_price(self, source: str) -> int:
        """Return what a call to *source* costs, in billionths of a dollar."""
        return self._call_prices.get(source, 0)

    def accounts(self) -> dict[Account, Amounts]:
        """Return today's amounts of all replicas, those of others as of the last flush."""
        day, rows = self.today(), no_rows()
        for part in (self._written, self._batch, self._pending):
            for account, amounts in part.items():
                if account.day == day:
                    rows[account].add(amounts)
        return dict(rows)

    async def flush(self) -> None:
        """Write what was counted since the last time and read what all have; tell of failures."""
        try:
            await self._write()
            await self._read()
        except TierError as error:
            self._events.emit(TierFailed("spend", "add", str(error)))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Flush now, every `FLUSH_EVERY` seconds, and at the end."""
        await self.flush()
        try:
            async with beside(ledger=every(FLUSH_EVERY, self.flush)):
                yield
        finally:
            await self.flush()

    async def _write(self) -> None:
        # First what could not be written the last time, then what came since.
        while self._batch or self._pending:
            if not self._batch:
                self._batch, self._pending = self._pending, no_rows()
            await self._store.add(self._batch)
            batch, self._batch = self._batch, no_rows()
            self._note_written(batch)

    async def _read(self) -> None:
        day = self.today()
        rows = await self._store.of_day(day)
        if day == self.today():
            self._written, self._known = rows, by_scope(rows, day)

    def _note_written(self, batch: Rows) -> None:
        """Have *batch* stand with what was written, before it is read back with the others'."""
        written, day = no_rows(), self.today()
        for part in (self._written, batch):
            for account, amounts in part.items():
                if account.day == day:
                    written[account].add(amounts)
        self._written = dict(written)
        moved = by_scope(batch, day)
        self._known.update(moved)
        self._since.subtract(moved)

    def _row(self, source: str, tenant: str, model: str) -> Amounts:
        return self._pending[Account(self.today(), tenant, source, model)]

    def _served(self, event: Served) -> None:
        if event.outcome not in _SPARED:
            return
        tenant, count = _payer(event), event.count
        calls = self._row(event.source, tenant, "")
        calls.spared += count
        calls.saved += count * self._call_prices.get(event.source, 0)
        if event.model:
            _spare(self._row(event.source, tenant, event.model), event.usd, count)

    def _reused(self, event: SummaryReused) -> None:
        if event.model:
            _spare(self._row(event.source, _payer(event), event.model), event.usd, 1)

    def _fetched(self, event: Fetched) -> None:
        row = self._row(event.source, _payer(event), "")
        row.calls += 1
        row.spent += self._call_prices.get(event.source, 0)

    def _called(self, event: Summarized | SummaryWasted) -> None:
        if not event.model:
            return
        tenant = _payer(event)
        row = self._row(event.source, tenant, event.model)
        row.calls += 1
        row.prompt_tokens += event.prompt_tokens or 0
        row.cached_tokens += event.cached_tokens or 0
        row.completion_tokens += event.completion_tokens or 0
        self._paid(row, event, tenant, wasted=isinstance(event, SummaryWasted))

    def _embedded(self, event: Embedded) -> None:
        tenant = _payer(event)
        row = self._row(event.source, tenant, event.model)
        row.calls += 1
        row.prompt_tokens += event.prompt_tokens or 0
        self._paid(row, event, tenant, wasted=bool(event.reason))

    def _unread(self, event: SummaryUnread) -> None:
        self._row(event.source, _payer(event), event.model).wasted += nanos_of(event.usd) or 0

    def _paid(self, row: Amounts, event: _Call, tenant: str, *, wasted: bool) -> None:
        nanos = nanos_of(event.usd)
        if nanos is None:
            row.unknown += 1
            return
        row.spent += nanos
        if wasted:
            row.wasted += nanos
        for scope in scopes_of(tenant, event.source):
            self._since[scope] += nanos


def _payer(event: Served | Fetched | SummaryReused | SummaryUnread | _Call) -> str:
    return event.tenant or tenant_of(event.key)


def _spare(row: Amounts, usd: float | None, count: int) -> None:
    row.spared += count
    row.saved += count * (nanos_of(usd) or 0)
