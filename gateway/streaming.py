"""What a flight tells before it lands: its records, then its summary as it is written.

A broadcast belongs to its flight and not to any listener: who comes late gets what was written
so far and then the rest, and who leaves changes nothing. Listeners have no queue of their own:
each reads on from where it was, so a slow one costs no memory here. Who waits for a further flight,
because what the first brings may not be given to them, hears that one as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from adapters.errors import SummaryError
from adapters.sources.units import Duration, Spec, seconds
from adapters.summarizers.base import Brief, Draft, Summarizer
from storage.entry import Entry

T = TypeVar("T")

ROOM = 64 * 1024
"""Characters of one summary that are told as they are written; no gate passes a longer one."""


class StreamSpec(Spec, frozen=True, kw_only=True):
    """Answers that are told piece by piece."""

    heartbeat: Duration = seconds(15)
    """A client that was told nothing for so long is told that the gateway lives."""
    stall: Duration = seconds(20)
    """A client that takes nothing for so long is cut off."""


class Script:
    """One summary while it is written; the lookups that wait for it follow."""

    def __init__(self) -> None:
        self.fault: SummaryError | None = None
        """Why it broke off, if it did."""
        self._pieces: list[str] = []
        self._room = ROOM
        self._open = True
        self._followers: list[Broadcast] = []

    @property
    def wanted(self) -> bool:
        """Whether somebody listens now."""
        return any(follower.listened for follower in self._followers)

    def follow(self, broadcast: Broadcast) -> None:
        """Have the listeners of *broadcast* told of this script, from its first piece on."""
        self._followers.append(broadcast)
        broadcast.script = self
        broadcast.ring()

    def write(self, piece: str) -> None:
        """Tell *piece* to all who follow."""
        if self._open and piece and len(piece) <= self._room:
            self._room -= len(piece)
            self._pieces.append(piece)
            self._ring()

    def withdraw(self, fault: SummaryError | None = None) -> None:
        """Forget what was written, and tell no more: it is refused, or broke off with *fault*."""
        self._open = False
        self._pieces.clear()
        self.fault = fault
        self._ring()

    def since(self, count: int) -> tuple[str, int]:
        """Return what was written after the first *count* pieces, and how many there are now."""
        return "".join(self._pieces[count:]), max(count, len(self._pieces))

    def _ring(self) -> None:
        for follower in self._followers:
            follower.ring()


class Broadcast:
    """What one flight tells *listeners*, who come and go: the records that it has brought first."""

    def __init__(
        self,
        entry: Entry | None = None,
        number: int = 0,
        listeners: Collection[Listener] = (),
    ) -> None:
        self.entry = entry
        """The records; the summary is not in it yet. None where nobody is told."""
        self.number = number
        """Of the flight (`Broadcasts.begin`)."""
        self.script: Script | None = None
        """The summary that is written for them."""
        self.over = False
        """Whether all is told."""
        self._listeners = listeners

    @property
    def listened(self) -> bool:
        """Whether somebody listens now."""
        return bool(self._listeners)

    def ring(self) -> None:
        """Wake everyone who listens."""
        for listener in self._listeners:
            listener.bell.set()


@dataclass(frozen=True, slots=True, eq=False)
class Listener:
    """Somebody who wants to be told of one lookup."""

    offered: list[Broadcast]
    """Those that went on when they came, and all that have begun since."""
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    """Rung whenever there is more; who hears it clears it."""


class Channel:
    """Where the flights of one lookup tell, side by side or one after the other.

    There is one with a summary and one without, and one of each that was asked to renew.
    """

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._going: list[Broadcast] = []

    @contextmanager
    def telling(self, entry: Entry, number: int) -> Iterator[Broadcast]:
        """Tell *entry*, which flight *number* has brought; yield what it tells further."""
        broadcast = Broadcast(entry, number, self._listeners)
        self._going.append(broadcast)
        for listener in self._listeners:
            listener.offered.append(broadcast)
        broadcast.ring()
        try:
            yield broadcast
        finally:
            broadcast.over = True
            self._going.remove(broadcast)

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """Yield who listens within the context."""
        listener = Listener(self._going.copy())
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)


class Shared(Generic[T]):
    """One value for each name, while anybody holds it."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._held: dict[str, tuple[T, list[None]]] = {}

    def __len__(self) -> int:
        return len(self._held)

    @contextmanager
    def hold(self, name: str) -> Iterator[T]:
        """Yield the value of *name*, the same as others hold; it goes with the last of them."""
        value, holders = self._held.setdefault(name, (self._make(), []))
        holders.append(None)
        try:
            yield value
        finally:
            holders.pop()
            if not holders:
                del self._held[name]


class Broadcasts(Shared[Channel]):
    """What all flights tell, by the key of their lookup."""

    def __init__(self) -> None:
        super().__init__(Channel)
        self.begun = 0
        """How many flights have begun so far: who has read it knows which began after that."""

    def begin(self) -> int:
        """Return the number of a flight that begins now."""
        self.begun += 1
        return self.begun

    @contextmanager
    def telling(self, key: str, entry: Entry, number: int) -> Iterator[Broadcast]:
        """Tell who listens to *key*, as `Channel.telling` says."""
        with self.hold(key) as channel, channel.telling(entry, number) as broadcast:
            yield broadcast


class Telling(Summarizer):
    """A summarizer whose words are told to *script* as it writes them."""

    def __init__(self, summarizer: Summarizer, script: Script) -> None:
        self.name = summarizer.name
        self.version = summarizer.version
        self._summarizer = summarizer
        self._script = script

    async def summarize(self, brief: Brief) -> Draft:
        """Return the whole draft when it is written; raise what the summarizer does."""
        return await self._summarizer.stream(brief, self._script.write)
