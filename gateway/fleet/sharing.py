"""What replicas tell each other of upstreams: the calls that count, and circuits.

Decisions stay in memory: nothing here is waited for but the count of a call, for one timeout.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Literal, Protocol

import msgspec

from adapters.breaker import Breaker
from adapters.guard import Guarded
from adapters.quota import LocalMeter
from adapters.shared_quota import Counters, SharedMeter
from gateway.events import CircuitChanged, Event
from gateway.route import Route

CHANNEL = "circuits"


class Bus(Protocol):
    """Carries messages between replicas; they may be lost."""

    def subscribe(self, channel: str, handler: Callable[[bytes], None]) -> None:
        """Have *handler* told of every message."""

    def publish(self, channel: str, message: bytes) -> None:
        """Send *message* behind the caller."""


def share_quotas(
    routes: Mapping[str, Route], counters: Counters, clock: Callable[[], float]
) -> None:
    """Have the calls of every source that has a quota counted together by all replicas."""
    for name, route in routes.items():
        if not isinstance(route.source, Guarded):
            continue
        for counted, guard in route.source.named(name):
            if isinstance(guard.meter, LocalMeter):
                guard.meter = SharedMeter(counted, guard.meter, counters, clock)


class _Change(msgspec.Struct, frozen=True):
    by: str
    upstream: str
    state: Literal["open", "closed"]


_decoder = msgspec.json.Decoder(_Change)


class Circuits:
    """Listens to the gateway's events and to other replicas; one's circuit is that of all."""

    def __init__(self, breakers: Mapping[str, Breaker], bus: Bus) -> None:
        self._breakers = breakers
        self._bus = bus
        self._id = secrets.token_hex(8)
        bus.subscribe(CHANNEL, self._hear)

    def __call__(self, event: Event) -> None:
        """Tell the others of a circuit that has opened or closed here."""
        if isinstance(event, CircuitChanged) and event.after in ("open", "closed"):
            state: Literal["open", "closed"] = "open" if event.after == "open" else "closed"
            change = _Change(self._id, event.upstream, state)
            self._bus.publish(CHANNEL, msgspec.json.encode(change))

    def _hear(self, message: bytes) -> None:
        try:
            change = _decoder.decode(message)
        except msgspec.DecodeError:
            return  # another version of the gateway has said it
        breaker = self._breakers.get(change.upstream)
        if breaker is not None and change.by != self._id:
            breaker.adopt(change.state)
