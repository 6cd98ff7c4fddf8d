"""A local file of public data as an upstream of its own, searched by name."""

from __future__ import annotations

import asyncio
import csv
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from adapters.errors import Kind, UpstreamError
from adapters.source import Payload, Query, Record
from adapters.sources.fields import RecordMap
from adapters.sources.spec import DatasetSpec, SpecError, TermsSpec

_SPACES = re.compile(r"\s+")


def fold(text: str) -> str:
    """Return *text* as names are compared: NFKC, without case, without spaces."""
    return _SPACES.sub("", unicodedata.normalize("NFKC", text).casefold())


@dataclass(frozen=True, slots=True)
class _Row:
    record: Record
    names: tuple[str, ...]
    """The folded texts that a query is looked for in, the most telling first."""


class DatasetSource:
    """Searches a JSONL or CSV file: exact names first, then prefixes, then the rest."""

    def __init__(
        self,
        name: str,
        spec: DatasetSpec,
        terms: TermsSpec,
        base: Path,
        clock: Callable[[], float],
        *,
        at: str = "dataset",
    ) -> None:
        """Compile; the file, relative to *base*, is read on the first fetch.

        Raise `SpecError` on a wrong expression and on a file that is not there; *at* is where
        *spec* stands in the configuration.
        """
        self.name = name
        self._spec = spec
        self._path = base / spec.path
        if not self._path.is_file():
            raise SpecError(f"{at}.path", f"there is no file {spec.path!r}")
        self._records = RecordMap(
            spec.id, spec.fields, spec.nulls, strip_tags=spec.strip_tags, at=at
        )
        unknown = [field for field in spec.search if field not in {"id", "name", *spec.fields}]
        if unknown:
            raise SpecError(f"{at}.search", f"{unknown[0]!r} is no field of this data set")
        self._credit = terms.credit
        self._clock = clock
        self._at = _day(f"{at}.at", spec.at)
        self._rows: list[_Row] | None = None
        self._loading = asyncio.Lock()

    async def fetch(self, query: Query) -> Payload:
        """Return the records whose names hold the query's text, or whose id is the ``id`` asked."""
        rows = await self._load()
        wanted = query.params.get("id", "")
        if query.whole:
            every = tuple(row.record for row in rows)
            return Payload(every, len(every), self._credit, self._clock(), as_of=self._at)
        if wanted:
            found = [row.record for row in rows if row.record["id"] == wanted]
        else:
            found = _search(rows, fold(query.text))
        kept = tuple(found[: self._spec.max_records])
        # The age of an answer counts from its asking; how old the file is stands beside it.
        return Payload(kept, len(found), self._credit, self._clock(), as_of=self._at)

    async def _load(self) -> list[_Row]:
        async with self._loading:
            if self._rows is None:
                self._rows = await asyncio.to_thread(self._read)
            return self._rows

    def _read(self) -> list[_Row]:
        try:
            return [self._row(row) for row in _raw_rows(self._path, self._spec)]
        except (OSError, UnicodeError, orjson.JSONDecodeError, csv.Error) as error:
            raise UpstreamError(
                Kind.MALFORMED, f"the data set {self._spec.path!r} cannot be read"
            ) from error

    def _row(self, raw: Any) -> _Row:
        record = self._records.record(raw)
        names = (fold(str(record[field])) for field in self._spec.search if record[field])
        return _Row(record, tuple(names))


def _search(rows: Iterable[_Row], wanted: str) -> list[Record]:
    """Return the records that hold *wanted*, the best first and in the file's order."""
    if not wanted:
        return []
    ranked: list[list[Record]] = [[], [], []]
    for row in rows:
        rank = min((_rank(name, wanted) for name in row.names), default=3)
        if rank < 3:
            ranked[rank].append(row.record)
    return [record for group in ranked for record in group]


def _rank(name: str, wanted: str) -> int:
    if name == wanted:
        return 0
    if name.startswith(wanted):
        return 1
    return 2 if wanted in name else 3


def _raw_rows(path: Path, spec: DatasetSpec) -> Iterable[Any]:
    with path.open(encoding=spec.encoding, newline="") as file:
        if spec.format == "csv":
            yield from csv.DictReader(file, strict=True)
            return
        for line in file:
            if line.strip():
                yield orjson.loads(line)


def _day(path: str, text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() if text else None
    except ValueError as error:
        raise SpecError(path, f"{text!r} is no date: write 2026-07-10") from error
