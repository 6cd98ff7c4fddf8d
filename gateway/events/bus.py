"""Who listens: everyone is told what happened, in the order in which they subscribed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import ClassVar

import structlog

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    waits: ClassVar[bool] = False
    """It may be told behind the answer that it is about: who counts it need not hold that up."""


Listener = Callable[[Event], None]
_Concerned = tuple[Sequence[Listener], Sequence[Listener], bool]
"""Whom a kind of events concerns at once, whom in time, and whether it waits."""


class Held:
    """What is told behind an answer, until it is `Events.release`d."""

    __slots__ = ("events",)

    def __init__(self) -> None:
        self.events: list[Event] | None = []


HELD: ContextVar[Held | None] = ContextVar("held", default=None)
"""Of the request that is being answered, and of what it has begun."""


class Events:
    """Tells every listener what happened, in the order in which they subscribed."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners: list[tuple[Listener, tuple[type[Event], ...], bool]] = []
        self._concerned: dict[type[Event], _Concerned] = {}
        """Of each kind that was told before."""
        for listener in listeners:
            self.subscribe(listener)

    def subscribe(self, listener: Listener, *kinds: type[Event], at_once: bool = False) -> None:
        """Tell *listener* of events of *kinds* from now on, of all where there are none named.

        It must not block. *at_once* is it told of what others may hear behind an answer.
        """
        self._listeners.append((listener, kinds or (Event,), at_once))
        self._concerned.clear()

    def emit(self, event: Event) -> None:
        """Tell everyone; what a listener raises is logged and goes no further.

        What `waits` is told behind the answer, where this context has one to hold it for.
        """
        kind = type(event)
        at_once, others, waits = self._concerned.get(kind) or self._whom(kind)
        if at_once:
            _tell(at_once, event)
        if waits:
            held = HELD.get()
            if held is not None and held.events is not None:
                held.events.append(event)
                return
        _tell(others, event)

    def release(self, held: Held) -> None:
        """Tell what was *held*, and hold nothing more for it."""
        events, held.events = held.events, None
        for event in events or ():
            kind = type(event)
            _tell((self._concerned.get(kind) or self._whom(kind))[1], event)

    def _whom(self, kind: type[Event]) -> _Concerned:
        """Return whom *kind* concerns, and remember it until somebody else subscribes."""
        those = [(each, now) for each, kinds, now in self._listeners if issubclass(kind, kinds)]
        at_once = tuple(each for each, now in those if now)
        others = tuple(each for each, now in those if not now)
        concerned = at_once, others, issubclass(kind, Event) and kind.waits
        self._concerned[kind] = concerned
        return concerned


def _tell(listeners: Sequence[Listener], event: Event) -> None:
    for listener in listeners:
        try:
            listener(event)
        except Exception:  # noqa: BLE001 - a listener's fault is no lookup's fault
            _log.exception("listener.failed", event_type=type(event).__name__)
