"""Which keys a shared tier has and the database may lack, of all processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

OnLoss = Callable[[str], None]
"""Is told of what could not be written, in words."""


class Backlog(Protocol):
    """Which keys a shared tier has and the database may lack."""

    async def note(self, key: str) -> None:
        """Remember *key*; raise `TierError`."""

    async def done(self, keys: Sequence[str]) -> None:
        """Forget *keys*; raise `TierError`."""

    async def left(self, older_than: float) -> list[str]:
        """Return keys noted more than so many seconds ago, or `TierError`."""
