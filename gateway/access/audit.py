"""Writes down who invalidated, changed, minted and revoked what, behind what they wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog

from gateway.events import Audited, Event
from storage.access import AuditRow
from storage.tier import TierError

_log = structlog.get_logger(__name__)


class AuditTable(Protocol):
    """Where it is written."""

    async def add(self, row: AuditRow) -> None:
        """Write *row* down; raise `TierError`."""


class AuditLog:
    """A listener. What cannot be written is in the log lines, which hold everything as well."""

    def __init__(self, table: AuditTable, clock: Callable[[], float]) -> None:
        self._table = table
        self._clock = clock
        self._writes: set[asyncio.Task[None]] = set()

    def __call__(self, event: Event) -> None:
        """Hear *event*."""
        if not isinstance(event, Audited):
            return
        row = AuditRow(self._clock(), event.tenant, event.who, event.action, event.target)
        _log.info("audit", tenant=row.tenant, who=row.who, action=row.action, target=row.target)
        task = asyncio.create_task(self._write(row))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)

    async def settled(self) -> None:
        """Wait until everything heard so far is written."""
        while self._writes:
            await asyncio.wait(self._writes)

    async def _write(self, row: AuditRow) -> None:
        try:
            await self._table.add(row)
        except TierError as error:
            _log.error("audit.failed", reason=str(error))
