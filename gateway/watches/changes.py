"""What changed between two answers, record by record and field by field; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from adapters.source import Record

MOST = 100
"""Records of each kind that are told; of the others their number."""
_NOT_CONTENT = frozenset({"summary"})
"""What we have written ourselves."""
_ABSENT = object()


class FieldChange(msgspec.Struct, frozen=True):
    """A field of a record as it was and as it is; None stands for a field that is not there."""

    before: Any
    after: Any


class RecordChange(msgspec.Struct, frozen=True):
    """A record that was there before and is now, and differs."""

    id: str
    name: str
    fields: dict[str, FieldChange]


class RecordName(msgspec.Struct, frozen=True):
    """A record that came or went."""

    id: str
    name: str


class Changes(msgspec.Struct, frozen=True):
    """What differs; the order of records is no difference."""

    added: tuple[RecordName, ...] = ()
    removed: tuple[RecordName, ...] = ()
    changed: tuple[RecordChange, ...] = ()
    more: int = 0
    """Records that differ and are not told, because there are too many."""

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.more)


def changes(before: Sequence[Record], after: Sequence[Record]) -> Changes:
    """Return what differs in *after*; records are the same that have the same id.

    Where an id stands more than once, the first is compared with the first, and so on.
    """
    old, new = _by_id(before), _by_id(after)
    added = [_named(record) for key, record in new.items() if key not in old]
    removed = [_named(record) for key, record in old.items() if key not in new]
    changed = [
        RecordChange(key[0], _named(record).name, fields)
        for key, record in new.items()
        if key in old and (fields := _fields(old[key], record))
    ]
    more = sum(max(0, len(each) - MOST) for each in (added, removed, changed))
    return Changes(tuple(added[:MOST]), tuple(removed[:MOST]), tuple(changed[:MOST]), more)


def _fields(before: Record, after: Record) -> dict[str, FieldChange]:
    names = [name for name in {**before, **after} if name not in _NOT_CONTENT]
    pairs = ((name, before.get(name, _ABSENT), after.get(name, _ABSENT)) for name in names)
    return {
        name: FieldChange(*(None if each is _ABSENT else each for each in (was, is_)))
        for name, was, is_ in pairs
        if was is not is_ and was != is_
    }


def _by_id(records: Sequence[Record]) -> Mapping[tuple[str, int], Record]:
    seen: Counter[str] = Counter()
    found: dict[tuple[str, int], Record] = {}
    for record in records:
        name = str(record.get("id", ""))
        found[name, seen[name]] = record
        seen[name] += 1
    return found


def _named(record: Record) -> RecordName:
    return RecordName(str(record.get("id", "")), str(record.get("name", "")))
