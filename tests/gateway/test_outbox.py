"""Every event that other services see is as ``docs/events.md`` says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import orjson
import pytest

from gateway.events import (
    BudgetExhausted,
    CircuitChanged,
    Event,
    Events,
    Fetched,
    Invalidated,
    Stored,
    WatchChanged,
)
from gateway.outbox import Outbox, concerns
from gateway.watches.changes import changes
from storage.journal import LocalJournal
from tests.clocks import ManualClock

MANUAL = Path(__file__).parents[2] / "docs/events.md"
KEY = "v1:public:medicine:9f86"
CHANGES = msgspec.to_builtins(
    changes([{"id": "1", "name": "a"}, {"id": "2"}], [{"id": "1", "name": "b"}, {"id": "3"}])
)
HAPPENED: list[tuple[Event, list[str]]] = [
    (Stored("medicine", KEY, 812), ["answer.stored"]),
    (Stored("medicine", KEY, 812, changed=True), ["answer.stored", "answer.changed"]),
    (Invalidated(17, "pattern", "public", "medicine", "타이*"), ["answer.invalidated"]),
    (CircuitChanged("medicine", "closed", "open"), ["circuit.opened"]),
    (CircuitChanged("medicine", "half-open", "closed"), ["circuit.closed"]),
    (CircuitChanged("medicine", "open", "half-open"), []),
    (BudgetExhausted("tenant:clinic", "refresh"), ["budget.exhausted"]),
    (Fetched("medicine", KEY, 3, 0.1), []),
    (WatchChanged("clinic", "w", "medicine", KEY, "", "news", CHANGES), ["watch.changed"]),
]


@pytest.fixture(scope="module")
def schema() -> Any:
    block = re.search(r"```json\n(.*?)```", MANUAL.read_text(), re.DOTALL)
    assert block is not None
    return jsonschema_rs.validator_for(orjson.loads(block[1]))


async def written(*happened: Event) -> list[dict[str, Any]]:
    journal = LocalJournal()
    events = Events(Outbox(journal, ManualClock()))
    for event in happened:
        events.emit(event)
    return [orjson.loads(line.body) for line in await journal.since("0-0", 100)]


@pytest.mark.parametrize(("event", "types"), HAPPENED)
async def test_each_event_is_of_its_type_and_fits_the_schema(
    event: Event, types: list[str], schema: Any
) -> None:
    lines = await written(event)
    assert [line["type"] for line in lines] == types
    for line in lines:
        schema.validate(line)


def test_the_schema_refuses_what_is_not_in_it(schema: Any) -> None:
    line = {"type": "answer.stored", "at": "2026-11-21T10:00:00.123Z", "data": {"source": "s"}}
    assert not schema.is_valid(line)


@pytest.mark.parametrize(
    ("event", "tenant", "sources", "may"),
    [
        (Stored("s", "v1:clinic:s:1", 1), "clinic", None, True),
        (Stored("s", "v1:clinic:s:1", 1), "other", None, False),
        (Stored("s", "v1:public:s:1", 1), "clinic", None, True),
        (Stored("s", "v1:public:s:1", 1), "clinic", frozenset({"t"}), False),
        (Invalidated(1, "all", "public", "", ""), "clinic", frozenset({"t"}), True),
        (Invalidated(1, "all", "other", "", ""), "clinic", None, False),
        (CircuitChanged("s", "closed", "open"), "clinic", frozenset({"s"}), True),
        (CircuitChanged("s", "closed", "open"), "clinic", frozenset({"t"}), False),
        (BudgetExhausted("tenant:clinic", "bulk"), "clinic", None, True),
        (BudgetExhausted("tenant:other", "bulk"), "clinic", None, False),
        (BudgetExhausted("day", "bulk"), "clinic", None, False),
        (WatchChanged("clinic", "w", "s", KEY, "", "", {}), "clinic", None, True),
        (WatchChanged("clinic", "w", "s", KEY, "", "", {}), "other", None, False),
    ],
)
async def test_a_tenant_knows_of_its_own_and_of_what_all_share(
    event: Event, tenant: str, sources: frozenset[str] | None, may: bool
) -> None:
    (line,) = await written(event)
    assert concerns(line, tenant, sources) is may
