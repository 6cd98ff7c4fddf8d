"""Leases: one replica at a time does the work of a key, and the others have what it made.

They save work and promise nothing: where they cannot be had, everyone does the work.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Note:
    """What an owner leaves for those who come behind it: its failure."""

    text: str = ""
    """Empty: the work was done."""
    seconds: float = 0.0
    """For how long it holds."""


Work = Callable[[], Awaitable[Result]]
Look = Callable[[str], Awaitable[Result | None]]
"""Returns what another has made, or None where it is not there; raises what its note says."""
Noted = Callable[[BaseException], Note]
"""Says what an owner leaves that has failed."""


class Leases(Protocol):
    """One owner of each key among all replicas."""

    def once(
        self, key: str, work: Work[Result], look: Look[Result], noted: Noted
    ) -> Awaitable[Result]:
        """Return what *work* makes, or what *look* finds of another's work for *key*.

        While another owns *key*, wait for it. Never fails by itself.
        """

    async def close(self) -> None:
        """Give back what is held."""


class NoLeases:
    """Where there are no other replicas: everyone does the work."""

    def once(
        self, key: str, work: Work[Result], look: Look[Result], noted: Noted
    ) -> Awaitable[Result]:
        """Return what *work* makes."""
        del key, look, noted
        return work()

    async def close(self) -> None:
        """There is nothing to give back."""
