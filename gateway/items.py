"""A summary for each record: how several are asked for in one call, and where they stand; pure.

They stand in the items of the records' own bytes, spliced in once, when the entry is made: a hit
joins no more pieces than it does for an answer with one summary.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import orjson

from adapters.source import Record
from adapters.summarizers.base import Brief, Draft, Usage
from storage.entry import Entry, Part

MARK = "items:"
"""Before the digest of an entry's summary part that stands for its items' summaries."""
_OURS = frozenset({"text", "by", "at", "grounded"})
_ROOM = 20_000
"""Characters of the records of one call: a prompt cuts none of them off."""


@dataclass(frozen=True, slots=True)
class Item:
    """One record of an answer, and its summary's bytes, if it has one."""

    record: Record
    summary: bytes | None

    @property
    def digest(self) -> str:
        """Names its content, whatever was found beside it."""
        content = orjson.dumps([dict(self.record)], option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(content).hexdigest()


def read_items(body: bytes) -> list[Item]:
    """Return the items in the *body* of a records part."""
    return [_item(raw) for raw in orjson.loads(b"{" + body + b"}")["items"]]


def with_summaries(records: Part, summaries: Sequence[bytes | None]) -> Part:
    """Return *records* with each item's summary in it, in their order; None: it has none."""
    members = orjson.loads(b"{" + records.body + b"}")
    for item, summary in zip(members["items"], summaries, strict=True):
        item["summary"] = None if summary is None else orjson.Fragment(summary)
    return msgspec.structs.replace(records, body=orjson.dumps(members)[1:-1])


def chunks(briefs: Sequence[Brief], most: int) -> Iterator[list[Brief]]:
    """Yield *briefs*, each about one record, in groups that one call has room for."""
    group: list[Brief] = []
    room = _ROOM
    for brief in briefs:
        size = len(orjson.dumps(dict(brief.records[0])).decode())
        if group and (len(group) == most or size > room):
            yield group
            group, room = [], _ROOM
        group.append(brief)
        room -= size
    if group:
        yield group


def together(briefs: Sequence[Brief]) -> Brief:
    """Return the brief of one call that writes about each of *briefs* apart."""
    first = briefs[0]
    summary = {"type": "string"} if first.schema is None else dict(first.schema)
    shared = summary.pop("$defs", None)
    one = {"record": {"type": "integer"}, "summary": summary}
    every = {"type": "array", "items": _object(one)}
    schema = _object({"summaries": every}) | ({"$defs": shared} if shared else {})
    return replace(
        first,
        records=tuple(brief.records[0] for brief in briefs),
        query="",
        schema=schema,
        each=True,
        priority=min(brief.priority for brief in briefs),
    )


def apart(draft: Draft, briefs: Sequence[Brief]) -> list[Draft]:
    """Return what *draft* says of each of *briefs*: nothing of one that the model left out.

    Each has its share of the tokens; the shares add up to what was paid.
    """
    said = _by_record(draft)
    return [
        replace(
            draft,
            usage=_share(draft.usage, index, len(briefs)),
            **_written(said.get(index + 1), brief),
        )
        for index, brief in enumerate(briefs)
    ]


def carried(entry: Entry, old: Entry | None, digest: str) -> Entry:
    """Return *entry* with what *old* has for the same input: a summary, or one in each item."""
    kept = None if old is None else old.summary
    if old is None or kept is None:
        return entry
    if kept.digest == f"{MARK}{digest}":
        summaries = [item.summary for item in read_items(old.records.body)]
        records = with_summaries(entry.records, summaries)
        return msgspec.structs.replace(entry, records=records, summary=kept)
    return msgspec.structs.replace(entry, summary=kept if kept.digest == digest else None)


def _item(raw: dict[str, Any]) -> Item:
    summary = raw.pop("summary", None)
    if isinstance(summary, dict) and summary.keys() >= _OURS:
        return Item(raw, orjson.dumps(summary))
    return Item(raw if summary is None else {**raw, "summary": summary}, None)


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    required = list(properties)
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _by_record(draft: Draft) -> dict[int, Any]:
    entries = (draft.report or {}).get("summaries")
    if not isinstance(entries, list):
        return {}
    found = (entry for entry in entries if isinstance(entry, dict))
    return {
        entry["record"]: entry.get("summary") for entry in found if type(entry.get("record")) is int
    }


def _written(value: object, brief: Brief) -> dict[str, Any]:
    if brief.schema is None:
        return {"text": value.strip() if isinstance(value, str) else "", "report": None}
    report = value if isinstance(value, dict) else None
    said = (report or {}).get("summary")
    return {"text": said.strip() if isinstance(said, str) else "", "report": report}


def _share(usage: Usage, index: int, count: int) -> Usage:
    def part(total: int | None) -> int | None:
        return None if total is None else total // count + (index < total % count)

    return Usage(
        part(usage.prompt_tokens), part(usage.cached_tokens), part(usage.completion_tokens)
    )
