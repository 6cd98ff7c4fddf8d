"""What the client gets: the kept bytes joined, and where they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from math import floor
from typing import Any, Literal

import msgspec
import orjson

from adapters.source import Attribution, Payload, Record
from adapters.summarizers.base import Draft
from gateway.freshness import FreshnessSpec, failed, records_ttl
from gateway.instants import instant
from gateway.items import MARK
from gateway.location import Point, near
from gateway.lookup import Lookup
from storage.entry import Entry, Look

Outcome = Literal["hit", "stale", "miss", "collapsed", "similar"]
"""``stale``: an old answer was given; ``collapsed``: another caller's flight was shared."""


class Answer(msgspec.Struct, frozen=True):
    """An entry as it is served at one moment."""

    entry: Entry
    policy: FreshnessSpec
    outcome: Outcome
    tier: str
    """The tier that had it: ``memory``, ``redis``, ``database``; empty after a fetch."""
    now: float
    degraded: tuple[str, ...] = ()
    stored: bool = False
    refreshed: bool = False
    """An old entry was there, and its refresh was waited for."""
    similar_to: str = ""
    near: Point | None = None
    """Where the asker is: its distances are this answer's alone, and stand in no entry."""
    looks: tuple[Look, ...] = ()
    """Of the tiers that were asked at the same time, where there were two."""

    @property
    def age(self) -> int:
        """Whole seconds since the upstream said so (RFC 9111 §5.1)."""
        return max(0, int(self.now - self.entry.records.at))

    @property
    def ttl(self) -> int:
        """Whole seconds for which it is still fresh; negative when it is stale."""
        return floor(self.entry.records.at + records_ttl(self.entry, self.policy) - self.now)

    @property
    def etag(self) -> str:
        """An opaque tag of the whole content, without quotes; a variant adds its own mark."""
        summary = self.entry.summary
        parts = (
            self.entry.head,
            self.entry.records.body,
            b"" if summary is None else summary.body,
            repr((self.degraded, self.similar_to, self.near)).encode(),
        )
        return hashlib.blake2b(b"\0".join(parts), digest_size=12).hexdigest()

    def body(
        self,
        *,
        fields: Sequence[str] | None = None,
        limit: int | None = None,
        summary: bool = True,
    ) -> bytes:
        """Return the JSON answer: its bytes joined, unless *fields* or *limit* choose from them."""
        entry = self.entry
        records, left = entry.records.body, True
        if self.near is not None:
            records, left = _seen(records, self.near)
        hidden = self.of_items and not summary
        if fields is not None or limit is not None or hidden:
            own = ("summary",) if self.of_items else ()
            chosen = None if fields is None else (*fields, *own)
            records = _chosen(records, chosen, limit, hidden=hidden)
        written = b"null"
        if summary and left and entry.summary is not None:
            written = entry.summary.body
        tail = self.tail(summary=summary)
        return b"".join((b"{", entry.head, b",", records, b',"summary":', written, tail))

    def tail(self, *, summary: bool = True) -> bytes:
        """Return the last members and the brace: what no entry has."""
        degraded = self.degraded
        if not summary:
            degraded = tuple(each for each in degraded if each != "summary")
        return _tail(degraded, self.similar_to)

    def seen_from(self, point: Point | None) -> Answer:
        """Return the answer as it looks from *point*, where it matters from where."""
        return self if point is None else msgspec.structs.replace(self, near=point)

    @property
    def of_items(self) -> bool:
        """Whether each item has its own summary, which is no field of the record."""
        summary = self.entry.summary
        return summary is not None and summary.digest.startswith(MARK)


@lru_cache(maxsize=256)
def _tail(degraded: tuple[str, ...], similar_to: str) -> bytes:
    tail = orjson.dumps({"degraded": degraded, "similar_to": similar_to or None})
    return b"," + tail[1:]


def _seen(body: bytes, point: Point) -> tuple[bytes, bool]:
    """Return the members of *body* as they look from *point*, and whether an item is left.

    A total that counts the whole country is no total of what is around it.
    """
    members = orjson.loads(b"{" + body + b"}")
    items = near(members["items"], point)
    total = members["total"] if point.radius is None else len(items)
    return _members({**members, "total": total, "items": items}), bool(items)


def degradations(entry: Entry, *, stale: bool, summary_expected: bool) -> tuple[str, ...]:
    """Return what ``degraded`` says of *entry* when it is served."""
    found = []
    if stale:
        found.append("stale")
    if entry.partial:
        found.append("partial")
    lacks = entry.summary is None or failed(entry.summary)
    if summary_expected and lacks and not entry.empty:
        found.append("summary")
    return tuple(found)


def encode_head(lookup: Lookup) -> bytes:
    """Encode the members that name the lookup."""
    return _members(
        {"source": lookup.source, "query": lookup.text, "keyword": lookup.keyword or None}
    )


def encode_records(payload: Payload) -> bytes:
    """Encode what the source answered."""
    return _members(
        {
            "total": payload.total,
            "items": [{**record, "summary": record.get("summary")} for record in payload.records],
            "as_of": instant(payload.at if payload.as_of is None else payload.as_of),
            "attribution": _credit(payload.attribution),
        }
    )


def encode_summary(draft: Draft, at: float, *, grounded: bool) -> bytes:
    """Encode a summary that passed the gate."""
    written: dict[str, Any] = {
        "text": draft.text,
        "by": draft.by,
        "at": instant(at),
        "grounded": grounded,
    }
    if draft.report is not None:
        written["report"] = draft.report
    return orjson.dumps(written)


def decode_records(body: bytes) -> tuple[Record, ...]:
    """Return the records that `encode_records` encoded."""
    return tuple(orjson.loads(b"{" + body + b"}")["items"])


def _members(members: dict[str, Any]) -> bytes:
    return orjson.dumps(members)[1:-1]


def _credit(attribution: Attribution) -> dict[str, str | None]:
    return {
        "text": attribution.text,
        "url": attribution.url or None,
        "license": attribution.license or None,
    }


def _chosen(body: bytes, fields: Sequence[str] | None, limit: int | None, *, hidden: bool) -> bytes:
    """Return the members of *body* with some fields of some items; ``id`` always stays."""
    members = orjson.loads(b"{" + body + b"}")
    items = members["items"][:limit]
    if hidden:
        items = [{**item, "summary": None} for item in items]
    if fields is not None:
        kept = {"id", *fields}
        items = [{name: item[name] for name in item if name in kept} for item in items]
    return _members({**members, "items": items})
