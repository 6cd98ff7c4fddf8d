"""Who listens: everyone is told what happened, in the order in which they subscribed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""


Listener = Callable[[Event], None]


class Events:
    """Tells every listener what happened, in the order in which they subscribed."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners: list[tuple[Listener, tuple[type[Event], ...]]] = []
        self._concerned: dict[type[Event], tuple[Listener, ...]] = {}
        """Of each kind that was told before, whom it concerns."""
        for listener in listeners:
            self.subscribe(listener)

    def subscribe(self, listener: Listener, *kinds: type[Event]) -> None:
        """Tell *listener* of events of *kinds* from now on, of all where there are none named.

        It must not block.
        """
        self._listeners.append((listener, kinds or (Event,)))
        self._concerned.clear()

    def emit(self, event: Event) -> None:
        """Tell everyone; what a listener raises is logged and goes no further."""
        kind = type(event)
        concerned = self._concerned.get(kind)
        if concerned is None:
            concerned = tuple(each for each, kinds in self._listeners if issubclass(kind, kinds))
            self._concerned[kind] = concerned
        for listener in concerned:
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - a listener's fault is no lookup's fault
                _log.exception("listener.failed", event_type=kind.__name__)
