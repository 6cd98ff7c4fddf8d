"""What became of a flight, as one of its callers is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Landed(Generic[T]):
    """What a flight brought, and whether its caller shared another's."""

    value: T
    collapsed: bool
    number: int
    """Of the flight: how many had begun with it (`gateway.flights.Flights.begun`)."""
