"""The last things that happened, each with an id, for those who read on from where they stopped.

Ids are those of Redis streams, ``milliseconds-number``, and only ever grow.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

KEPT = 10_000
"""Lines that are kept, the latest."""
BEGINNING = "0-0"
"""The id before that of any line."""
_ID = re.compile(r"(\d{1,15})-(\d{1,10})")


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened."""

    id: str
    body: bytes
    """JSON, of which this package knows nothing."""


class Journal(Protocol):
    """Keeps lines and tells that there are new ones."""

    @property
    def news(self) -> asyncio.Event:
        """Is set when a line comes after this was asked for."""

    def append(self, body: bytes, once: str = "") -> None:
        """Keep *body*, behind the caller; of several with the same *once* the first."""

    async def since(self, after: str, limit: int) -> list[Line]:
        """Return the lines after that id, the oldest first; raise `TierError`."""

    async def whole(self, after: str) -> bool:
        """Say whether every line after that id is still kept; raise `TierError`."""

    async def latest(self) -> str:
        """Return the id of the last line; raise `TierError`."""

    async def close(self) -> None:
        """Finish what is behind callers."""


def place(text: str) -> tuple[int, int] | None:
    """Return where an id stands among others; None for what is no id."""
    match = _ID.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


class LocalJournal:
    """A journal of this process, which nobody else needs to deduplicate."""

    def __init__(self, kept: int = KEPT, clock: Callable[[], float] = time.time) -> None:
        self._news: asyncio.Event | None = None
        self._clock = clock
        self._lines: deque[tuple[tuple[int, int], bytes]] = deque(maxlen=kept)
        self._last = (int(clock() * 1000), 0)
        self._lost = self._last
        """Nothing after this was forgotten; what was before the start is not known."""

    @property
    def news(self) -> asyncio.Event:
        """Is set when a line comes after this was asked for."""
        if self._news is None:
            self._news = asyncio.Event()
        return self._news

    def append(self, body: bytes, once: str = "") -> None:
        """Keep *body*."""
        del once
        now = int(self._clock() * 1000)
        last, number = self._last
        self._last = (now, 0) if now > last else (last, number + 1)
        if len(self._lines) == self._lines.maxlen:
            self._lost = self._lines[0][0]
        self._lines.append((self._last, body))
        if self._news is not None:
            self._news.set()
            self._news = None

    async def since(self, after: str, limit: int) -> list[Line]:
        """Return the lines after that id, the oldest first."""
        start = place(after) or (0, 0)
        found: list[Line] = []
        for at, body in reversed(self._lines):
            if at <= start:
                break
            found.append(Line(f"{at[0]}-{at[1]}", body))
        return found[::-1][:limit]

    async def whole(self, after: str) -> bool:
        """Say whether every line after that id is still kept."""
        return (place(after) or (0, 0)) >= self._lost

    async def latest(self) -> str:
        """Return the id of the last line."""
        return f"{self._last[0]}-{self._last[1]}"

    async def close(self) -> None:
        """There is nothing behind callers."""
