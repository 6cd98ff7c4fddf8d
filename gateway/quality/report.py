"""Structured reports: the schema and the predicate that they must meet, and what they claim; pure.

Both are compiled when the configuration is read. A value that the schema makes the model
judge (a score) is no claim about the records; every other text and number of a report is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs

from adapters.errors import UpstreamError
from adapters.sources.expressions import Expression
from adapters.sources.spec import SpecError
from gateway.grounding.units import CANONICAL

_JUDGED = "x-grounded"
"""Keyword of ours: ``false`` frees a value from its records, ``true`` holds it to them."""
_NAME = re.compile(r"[A-Za-z_]\w*")
_QUOTED = re.compile(r"`[^`]*`|'[^']*'")


class ReportRules:
    """What the reports of one source must be; without a schema there are none."""

    def __init__(self, schema: Mapping[str, Any] | None = None, require: str = "") -> None:
        """Compile *schema* and *require*; raise `SpecError` at ``schema`` or ``require``."""
        if require and schema is None:
            raise SpecError("require", "speaks of a report, and there is no schema of one")
        self.schema = schema
        self.require = require
        self._validator = None if schema is None else _validator(schema)
        self._predicate = Expression("require", require) if require else None
        # What the predicate speaks of is the model's own judgement: ``risk > `0```.
        self._required = frozenset(_NAME.findall(_QUOTED.sub("", require)))

    @property
    def names(self) -> tuple[str, ...]:
        """Tell these rules from others: part of a summary's digest; nothing without a schema."""
        if self.schema is None:
            return ()
        return (json.dumps(self.schema, sort_keys=True), self.require)

    def faults(self, report: Mapping[str, Any] | None) -> Iterator[str]:
        """Yield what is wrong with *report*, in words that do not repeat it."""
        if self._validator is None:
            return
        if report is None:
            yield "schema: no report"
            return
        wrong = False
        for error in self._validator.iter_errors(dict(report)):
            # The validator's message quotes the report, and what is refused is kept nowhere.
            yield f"schema: /{'/'.join(str(step) for step in error.instance_path)}"
            wrong = True
        if not wrong and not self._holds(report):
            yield f"require: {self.require}"

    def texts(self, report: Mapping[str, Any] | None) -> Iterator[str]:
        """Yield what *report* says in words of its own: no choice out of the schema's values."""
        yield from (said for said, is_text in self._said(report) if is_text)

    def claims(self, report: Mapping[str, Any] | None) -> Iterator[str]:
        """Yield what *report* says of its records: its words, and its numbers with their units."""
        yield from (said for said, _ in self._said(report))

    def _holds(self, report: Mapping[str, Any]) -> bool:
        if self._predicate is None:
            return True
        try:
            return bool(self._predicate.find(dict(report)))
        except UpstreamError:
            return False  # such as the length of a number: no report that was meant

    def _said(self, report: Mapping[str, Any] | None) -> Iterator[tuple[str, bool]]:
        if report is not None:
            yield from self._walk(report, self.schema or {}, "")

    def _walk(
        self, value: object, schema: Mapping[str, Any], key: str
    ) -> Iterator[tuple[str, bool]]:
        schema = self._resolved(schema)
        if isinstance(value, Mapping):
            properties = schema.get("properties", {})
            for name, inner in value.items():
                yield from self._walk(inner, _schema(properties.get(name)), str(name))
        elif isinstance(value, list):
            for inner in value:
                yield from self._walk(inner, _schema(schema.get("items")), key)
        elif isinstance(value, str) and not _chosen(schema):
            yield value, True
        elif _is_number(value) and not self._judged(schema, key):
            yield f"{value:.15g} {_unit(key)}".rstrip(), False

    def _judged(self, schema: Mapping[str, Any], key: str) -> bool:
        """Return whether a number is the model's judgement: a score between two bounds, say."""
        if _JUDGED in schema:
            return not schema[_JUDGED]
        bounded = "minimum" in schema and "maximum" in schema
        return bounded or _chosen(schema) or key in self._required

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        place = schema.get("$ref", "")
        found: Any = self.schema
        if not place.startswith("#/"):
            return schema
        for step in place[2:].split("/"):
            found = found.get(step.replace("~1", "/").replace("~0", "~"), {})
        return _schema(found)


def _validator(schema: Mapping[str, Any]) -> Any:
    try:
        return jsonschema_rs.validator_for(dict(schema), retriever=_refuse)
    except ValueError as error:
        raise SpecError("schema", f"is no JSON Schema: {str(error).splitlines()[0]}") from error


def _refuse(uri: str) -> Any:
    """Fetch nothing: a schema is in the configuration, whole."""
    raise ValueError(f"{uri} stands elsewhere")


def _schema(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _chosen(schema: Mapping[str, Any]) -> bool:
    return "enum" in schema or "const" in schema


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _unit(key: str) -> str:
    """Return the unit in a key such as ``dose_mg``."""
    _, underscore, last = key.rpartition("_")
    return last if underscore and last.casefold() in CANONICAL else ""
