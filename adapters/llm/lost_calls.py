"""Calls to models that brought nothing: said where they are made, heard where money is counted.

Where several models stand in for one another, who asked sees one answer or one error; what the
others took is paid for all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from adapters.errors import SummaryError


@dataclass(frozen=True, slots=True)
class LostCall:
    """A call that went out and brought no answer."""

    model: str
    error: SummaryError | None
    """None: it was cancelled, and what it took is unknown."""


_heard: ContextVar[list[LostCall] | None] = ContextVar("lost_calls", default=None)


@contextmanager
def lost_calls() -> Iterator[list[LostCall]]:
    """Hear of the calls that are lost within the context, however many layers lie between."""
    heard: list[LostCall] = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


def lose(model: str, error: SummaryError | None) -> None:
    """Say that a call to *model* ended in *error*, or was cancelled."""
    heard = _heard.get()
    if heard is not None:
        heard.append(LostCall(model, error))
