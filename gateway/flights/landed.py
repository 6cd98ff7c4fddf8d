"""What became of a flight, as one of its callers is told."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Landed(msgspec.Struct, Generic[T], frozen=True):
    """What a flight brought, and whether its caller shared another's."""

    value: T
    collapsed: bool
    number: int
    """Of the flight: how many had begun with it (`gateway.flights.Flights.begun`)."""
