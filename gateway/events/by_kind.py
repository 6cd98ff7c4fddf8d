"""A listener that has something to do for each kind of event that it knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.events.bus import Event, Events


class ByKind:
    """Hands each event to what is there for its kind, and passes over the others."""

    def __init__(self, does: Mapping[type[Event], Callable[[Any], None]]) -> None:
        # By its type, and not by trying one after the other: every hit comes through here.
        self._does = does

    def listen(self, events: Events) -> None:
        """Have what is there for each kind told of it by *events* from now on."""
        for kind, do in self._does.items():
            events.subscribe(do, kind)

    def __call__(self, event: Event) -> None:
        """Do what is to be done for *event*."""
        do = self._does.get(type(event))
        if do is not None:
            do(event)
