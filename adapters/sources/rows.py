"""From a good answer to its rows: where they stand, in which shape, and whether they add up."""

from __future__ import annotations

from typing import Any

from adapters.errors import Kind, UpstreamError
from adapters.sources.expressions import Expression
from adapters.sources.spec import ResponseSpec


class RowFinder:
    """Finds the rows of an answer and their total."""

    def __init__(self, spec: ResponseSpec) -> None:
        """Compile the paths of *spec*; raise `SpecError`."""
        self._spec = spec
        self._envelope = [
            Expression(f"response.envelope[{number}]", text)
            for number, text in enumerate(spec.envelope or ("@",))
        ]
        self._records = Expression("response.records", spec.records)
        self._skip = Expression("response.skip", spec.skip or "`null`")
        self._total = Expression("response.total", spec.total or "`null`")

    def open(self, value: Any) -> Any:
        """Return what the first fitting envelope holds."""
        for expression in self._envelope:
            found = expression.find(value)
            if found is not None:
                return found
        raise UpstreamError(Kind.MALFORMED, "the upstream's answer has none of the known envelopes")

    def find(self, document: Any, *, later: bool = False) -> tuple[list[Any], int, int]:
        """Return the rows, the total, and how many rows there were before any was left out.

        Raise `UpstreamError` where they do not add up.

        On a *later* page, no rows are the end: totals are upper bounds.

        ``totalCount`` above zero without rows is no empty answer: nine days of empty
        output once went unnoticed for that (``api-quirks`` §1.1).
        """
        found = self._unwrap(self._records.find(document))
        total = _to_count(self._total.find(document))
        form = _form_of(found)
        if form in self._spec.empty or (form and total == 0):
            if total and not later:
                raise UpstreamError(Kind.MALFORMED, "the upstream counts rows and gives none")
            return [], 0, 0
        if form:
            raise UpstreamError(Kind.MALFORMED, "the upstream gave no rows where they belong")
        rows = self._to_rows(found)
        limit = self._spec.max_total
        count = len(rows)
        if limit is not None and max(total or 0, count) > limit:
            raise UpstreamError(Kind.MALFORMED, "the upstream ignored what was asked")
        if self._spec.skip:
            rows = [row for row in rows if not self._skip.find(row)]
        kept = rows[: self._spec.max_records]
        return kept, max(total or 0, len(kept)), count

    def _unwrap(self, found: Any) -> Any:
        name = self._spec.unwrap
        wrapped = isinstance(found, dict) and len(found) == 1 and name in found
        return found[name] if wrapped else found

    def _to_rows(self, found: Any) -> list[Any]:
        if self._spec.shape == "list":
            rows = found if isinstance(found, list) else [found]
            return [self._unwrap(row) for row in rows] if self._spec.unwrap else rows
        if not isinstance(found, dict):
            raise UpstreamError(Kind.MALFORMED, "the upstream's rows have the wrong shape")
        if self._spec.shape == "map":
            return [_keyed(key, row) for key, row in found.items()]
        return _zip_columns(found)


def _form_of(found: Any) -> str:
    """Return which form of "nothing" *found* is; an empty text where it is something."""
    if found is None:
        return "none"
    if isinstance(found, str):
        return "text"
    if found == []:
        return "list"
    return "object" if found == {} else ""


def _keyed(key: str, row: Any) -> dict[str, Any]:
    return {**row, "_key": key} if isinstance(row, dict) else {"_key": key, "_value": row}


def _zip_columns(columns: dict[str, Any]) -> list[dict[str, Any]]:
    lists = {name: column for name, column in columns.items() if isinstance(column, list)}
    if len({len(column) for column in lists.values()}) != 1:
        raise UpstreamError(Kind.MALFORMED, "the upstream's columns have different lengths")
    return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]


def _to_count(value: Any) -> int | None:
    try:
        return None if value is None else max(0, int(value))
    except (TypeError, ValueError, OverflowError):
        return None
