from __future__ import annotations

from dataclasses import dataclass, field

from gateway.access.audit import AuditLog
from gateway.events import Audited, Events, Failed
from storage.access import AuditRow
from storage.tier import TierError
from tests.clocks import ManualClock


@dataclass
class Table:
    rows: list[AuditRow] = field(default_factory=list)
    broken: bool = False

    async def add(self, row: AuditRow) -> None:
        if self.broken:
            raise TierError("no disk")
        self.rows.append(row)


async def test_what_was_done_is_written_with_its_time_and_nothing_else_is() -> None:
    table, clock = Table(), ManualClock()
    log = AuditLog(table, clock)
    events = Events(log)
    events.emit(Audited("acme", "key:1", "invalidated", "source:medicine"))
    events.emit(Failed("medicine", "v1:acme:medicine:00", "timeout", 0.1))
    await log.settled()
    assert table.rows == [AuditRow(clock(), "acme", "key:1", "invalidated", "source:medicine")]


async def test_a_table_that_fails_leaves_a_log_line(capsys) -> None:  # type: ignore[no-untyped-def]
    log = AuditLog(Table(broken=True), ManualClock())
    Events(log).emit(Audited("acme", "key:1", "token.minted", "phone"))
    await log.settled()
    assert "audit.failed" in capsys.readouterr().out
