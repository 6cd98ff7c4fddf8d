"""From the records of several parts to those of one answer; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.errors import UpstreamError
from adapters.source import Record
from adapters.sources.composition import CompositeSpec, PartSpec
from adapters.sources.fields import Field


@dataclass(frozen=True, slots=True)
class PartAnswer:
    """What a part brought, or why it brought nothing, or not all."""

    records: tuple[Record, ...] = ()
    owners: tuple[Any, ...] = ()
    """For each record, the key of the one that it was asked for."""
    total: int = 0
    at: float = 0.0
    as_of: float | None = None
    error: UpstreamError | None = None


class Merger:
    """Makes one record of those that belong together."""

    def __init__(self, spec: CompositeSpec) -> None:
        """Compile the further fields of *spec*; raise `SpecError`."""
        self._spec = spec
        self._fields = {
            name: Field(f"composite.fields.{name}", field, ("",), strip_tags=False)
            for name, field in spec.fields.items()
        }

    def merge(self, answers: Mapping[str, PartAnswer]) -> tuple[tuple[Record, ...], int]:
        """Return the records of *answers*, by the parts' names, and how many there are upstream."""
        records: dict[Any, dict[str, Any]] = {}
        bases = {name: part for name, part in self._spec.parts.items() if not part.under}
        for name, part in bases.items():
            _add(records, answers[name], part, self._spec.key)
        nothing = {name: None for part in bases.values() for name in part.response.fields}
        for name, part in self._spec.parts.items():
            for key, record in records.items():
                if part.under:
                    record[part.under] = _nested(answers[name], part, key)
                if part.count:
                    record[part.count] = _count(answers[name], part, key)
        merged = tuple({**nothing, **record} for record in records.values())
        for record in merged:
            record.update({name: _computed(field, record) for name, field in self._fields.items()})
        return merged, max(len(merged), *(answers[name].total for name in bases))


def _add(
    records: dict[Any, dict[str, Any]], answer: PartAnswer, part: PartSpec, field: str
) -> None:
    """Put the records of *answer* among *records*: what is known of one stays."""
    for record, owner in zip(answer.records, answer.owners, strict=True):
        key = owner if part.each else record.get(field)
        before = records.setdefault(record["id"] if key is None else key, {})
        for name, value in record.items():
            if before.get(name) is None:
                before[name] = value


def _computed(field: Field, record: Record) -> Any:
    """Return what *field* makes of a record; null where a part is missing that it counts on."""
    try:
        return field.read(record)
    except UpstreamError:
        return None


def _nested(answer: PartAnswer, part: PartSpec, key: Any) -> Any:
    """Return what stands under a field; null where the part failed, which is not "none"."""
    if answer.error is not None and not answer.records:
        return None
    rows = [dict(row) for row in _belonging(answer, part, key)]
    if part.one:
        return rows[0] if rows else None
    return rows


def _count(answer: PartAnswer, part: PartSpec, key: Any) -> int | None:
    if answer.error is not None and not answer.records:
        return None
    if part.each or part.match:
        return len(_belonging(answer, part, key))
    return answer.total


def _belonging(answer: PartAnswer, part: PartSpec, key: Any) -> list[Record]:
    if part.each:
        owned = zip(answer.records, answer.owners, strict=True)
        return [row for row, owner in owned if owner == key]
    if part.match:
        return [row for row in answer.records if row.get(part.match) == key]
    return list(answer.records)
