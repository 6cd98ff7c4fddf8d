"""How urgent a piece of work is: its owner says it, and whoever joins it may make it more so.

Work waits for permits and quotas many layers below the one who asked for it. A caller who joins
a flight that bulk work began would otherwise wait as long as bulk work does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar
from typing import Any

from adapters.source import Priority


class Urgency:
    """The priority of one piece of work. It only ever rises, and so does what the work needs."""

    __slots__ = ("_needed", "_told", "priority")

    def __init__(self, priority: Priority) -> None:
        self.priority = priority
        self._needed: list[Urgency] = []
        self._told: set[Callable[[], None]] = set()

    def rise(self, priority: Priority) -> None:
        """Let it be as urgent as *priority*, if it is not already."""
        if priority >= self.priority:
            return
        self.priority = priority
        for needed in self._needed:
            needed.rise(priority)
        for tell in tuple(self._told):
            tell()

    def need(self, other: Urgency) -> None:
        """Say that this work waits for *other*, which is as urgent from now on."""
        if other is not self:
            self._needed.append(other)
            other.rise(self.priority)

    @contextmanager
    def heard(self, tell: Callable[[], None]) -> Iterator[None]:
        """Have *tell* called whenever it rises, within the context."""
        self._told.add(tell)
        try:
            yield
        finally:
            self._told.discard(tell)

    async def sit_out(self, sleep: Coroutine[Any, Any, None]) -> None:
        """Wait until *sleep* is over, or the work has become more urgent."""
        task, risen = asyncio.ensure_future(sleep), asyncio.Event()
        waiting = asyncio.ensure_future(risen.wait())
        try:
            with self.heard(risen.set):
                await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            if not task.cancel():
                task.result()


_current: ContextVar[Urgency | None] = ContextVar("urgency", default=None)


def urgency_of(priority: Priority) -> Urgency:
    """Return that of the work in which this is called; outside of any, a new one of *priority*."""
    return _current.get() or Urgency(priority)


def begin(context: Context, priority: Priority | None) -> Urgency:
    """Return the urgency of the work that begins in *context*: *priority*, or else that of the
    work around it, and nobody's is a caller's.
    """
    around = _current.get()
    if priority is None:
        priority = Priority.CALLER if around is None else around.priority
    urgency = Urgency(priority)
    context.run(_current.set, urgency)
    return urgency


def join(joined: Urgency, priority: Priority | None) -> None:
    """Let *joined* be as urgent as *priority*, or else as the work that waits for it here."""
    current = _current.get()
    if current is not None:
        current.need(joined)
    if priority is not None:
        joined.rise(priority)
