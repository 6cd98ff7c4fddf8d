"""What a store tells whoever measures it: how long its statements take, and how full its pools are.

Nothing here knows who listens; whoever does must be quick, and may be called from any thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class PoolState:
    """The connections of a pool at one moment."""

    size: int
    """So many are kept."""
    in_use: int
    idle: int


class Observer(Protocol):
    """Is told what a store does; times are in seconds."""

    def asked(self) -> None:
        """Note that somebody asks the database, in the context of who does."""

    def took(self, statement: str, seconds: float) -> None:
        """Note how long *statement* took; it has ``?`` for its values, and never the values."""

    def waited(self, seconds: float) -> None:
        """Note how long a connection of a pool was waited for."""

    def tripped(self, seconds: float) -> None:
        """Note how long a round trip to Redis took."""


class NoObserver:
    """Notes nothing."""

    def asked(self) -> None:
        """Look away."""

    def took(self, statement: str, seconds: float) -> None:
        """Look away."""

    def waited(self, seconds: float) -> None:
        """Look away."""

    def tripped(self, seconds: float) -> None:
        """Look away."""


@runtime_checkable
class Observable(Protocol):
    """A store that can be measured."""

    def observe(self, observer: Observer) -> None:
        """Tell *observer* of what is done from now on."""

    def pools(self) -> dict[str, PoolState]:
        """Return the state of each pool by the name of its server."""


@contextmanager
def timed(observer: Observer, statement: str) -> Iterator[None]:
    """Tell *observer* how long *statement* took, whether it failed or not."""
    started = perf_counter()
    try:
        yield
    finally:
        observer.took(statement, perf_counter() - started)
