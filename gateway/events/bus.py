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
        self._listeners = list(listeners)

    def subscribe(self, listener: Listener) -> None:
        """Tell *listener* of everything from now on; it must not block."""
        self._listeners.append(listener)

    def emit(self, event: Event) -> None:
        """Tell everyone; what a listener raises is logged and goes no further."""
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - a listener's fault is no lookup's fault
                _log.exception("listener.failed", event_type=type(event).__name__)
