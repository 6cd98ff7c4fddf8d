"""The contract of a source: one method, from a query to a payload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

import msgspec

Record = Mapping[str, Any]
"""One row: ``id`` and ``name`` as text, and the fields that the configuration names."""


class Priority(IntEnum):
    """Who waits for a fetch; the lower goes first where quota, permits or money are scarce."""

    CALLER = 0
    """Somebody who asked now."""
    REFRESH = 1
    """A renewal behind an answer that was given."""
    WARMUP = 2
    """What is loaded before anyone asks."""
    BULK = 3
    """A batch that may take hours."""


class Query(msgspec.Struct, frozen=True):
    """What a source is asked, in its normalised form."""

    text: str
    """``q``; empty where the source declares other parameters and none was given."""
    params: Mapping[str, str] = {}
    """The source's own parameters, as declared."""
    language: str = ""
    priority: Priority = Priority.CALLER
    validator: str = ""
    """What the kept payload of this query came with, for asking whether it still holds."""
    whole: bool = False
    """All records that there are, on however many pages: what a listing asks."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """Whom an answer credits, and under which terms."""

    text: str
    url: str = ""
    license: str = ""


class Payload(msgspec.Struct, frozen=True):
    """What a source answered."""

    records: tuple[Record, ...]
    total: int
    """How many there are upstream; at least the number of records."""
    attribution: Attribution
    at: float
    """When the upstream said so, in Unix seconds."""
    as_of: float | None = None
    """When the data are from, where that is known to be older than *at* (a file's date)."""
    partial: tuple[str, ...] = ()
    """Names of the parts that a composite source could not get."""
    pause: float | None = None
    """For how many seconds the upstream has no call left for us, where it says so."""
    validator: str = ""
    """By which the source can ask whether this still holds; only the source reads it."""
    unchanged: bool = False
    """What the query's *validator* came with still holds: there are no records here."""


class Source(Protocol):
    """A named upstream."""

    async def fetch(self, query: Query) -> Payload:
        """Return what the upstream has; no match is an empty payload.

        Raise `adapters.errors.UpstreamError` when it could not be asked or could not answer.
        """
