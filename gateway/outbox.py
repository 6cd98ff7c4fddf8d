"""What other services may want to know of: chosen from the gateway's events, and written down.

``docs/events.md`` has the schema of each; a test holds the two together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Any

import orjson

from gateway.events import (
    BudgetExhausted,
    CircuitChanged,
    Event,
    Invalidated,
    Stored,
    WatchChanged,
)
from gateway.instants import instant
from gateway.lookup import SHARED_TENANT, tenant_of
from storage.journal import Journal

TOLD = (Stored, Invalidated, CircuitChanged, WatchChanged, BudgetExhausted)
"""The kinds of events that others may want to know of."""
Told = tuple[str, dict[str, Any], str]
"""Its type, its data, and what is the same where several replicas tell of one thing."""


class Outbox:
    """Listens to the gateway's events and writes those of interest into *journal*."""

    def __init__(self, journal: Journal, clock: Callable[[], float] = time.time) -> None:
        self._journal = journal
        self._clock = clock

    def __call__(self, event: Event) -> None:
        """Write down what *event* is to others, if anything."""
        at = instant(self._clock(), 3)
        for kind, data, once in told(event, at[:10]):
            body = {"type": kind, "at": at, "data": data}
            self._journal.append(orjson.dumps(body), once)


def told(event: Event, day: str) -> Iterator[Told]:
    """Yield what *event* is to others; *day* names the one on which it happened."""
    match event:
        case Stored():
            data = {"tenant": tenant_of(event.key), "source": event.source, "key": event.key}
            yield "answer.stored", data | {"bytes": event.bytes}, ""
            if event.changed:
                yield "answer.changed", data, ""
        case Invalidated():
            data = {each.name: getattr(event, each.name) for each in fields(event)}
            yield "answer.invalidated", data, f"invalidated:{event.position}"
        case CircuitChanged(after="open" | "closed"):
            state = "opened" if event.after == "open" else "closed"
            yield f"circuit.{state}", {"upstream": event.upstream}, ""
        case WatchChanged():
            data = {each.name: getattr(event, each.name) for each in fields(event)}
            yield "watch.changed", data, ""
        case BudgetExhausted():
            data = {"scope": event.scope, "priority": event.priority}
            yield "budget.exhausted", data, f"budget:{day}:{event.scope}:{event.priority}"


def concerns(event: Mapping[str, Any], tenant: str, sources: frozenset[str] | None) -> bool:
    """Whether *tenant*, who may ask *sources* (None: all), may know of *event*."""
    data, kind = event["data"], event["type"]
    if kind == "budget.exhausted":
        return bool(data["scope"] == f"tenant:{tenant}")
    if kind.startswith("circuit."):
        return sources is None or data["upstream"] in sources
    if data["tenant"] not in (tenant, SHARED_TENANT):
        return False
    return sources is None or not data["source"] or data["source"] in sources
