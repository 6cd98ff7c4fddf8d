"""From a row of an upstream to a record: renamed, cleaned, cast."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from adapters.errors import Kind, UpstreamError
from adapters.source import Record
from adapters.sources.documents import read_xml
from adapters.sources.expressions import Expression, as_texts
from adapters.sources.spec import FieldSpec

_BREAK = re.compile(r"(?i)<\s*(?:br\s*/?|/p|/div|/li|/tr|/h\d|/title|/sec)\s*>")
_TAG = re.compile(r"<!\[CDATA\[|\]\]>|<!--.*?-->|</?[A-Za-z][^<>]*>", re.DOTALL)
_SPACES = re.compile(r" [ \t\u00a0\u3000]+|[\t\u00a0\u3000][ \t\u00a0\u3000]*")
_LINES = re.compile(r" ?\n[ \n]*\n ?| ?\n ?")


def clean_text(text: str, *, strip_tags: bool) -> str:
    """Return *text* without control white space, and without tags and entities if so told."""
    if strip_tags and ("<" in text or "&" in text or ("]" in text and "]]>" in text)):
        text = html.unescape(_TAG.sub("", _BREAK.sub("\n", text)))
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "  " in text or "\t" in text or "\u00a0" in text or "\u3000" in text:
        text = _SPACES.sub(" ", text)
    return (_LINES.sub(_one_break, text) if "\n" in text else text).strip()


def _one_break(match: re.Match[str]) -> str:
    return "\n\n" if match[0].count("\n") > 1 else "\n"


class Field:
    """A compiled field."""

    def __init__(
        self, path: str, spec: str | FieldSpec, nulls: tuple[str, ...], *, strip_tags: bool
    ) -> None:
        """Compile *spec*, which stands at *path*; raise `SpecError`."""
        self._spec = spec if isinstance(spec, FieldSpec) else FieldSpec(path=spec)
        self._expression = Expression(path, self._spec.path)
        self._nulls = {"", *nulls, *self._spec.nulls}
        self._longest_null = max(map(len, self._nulls))
        own = self._spec.strip_tags
        self._strip_tags = strip_tags if own is None else own
        self._cast = _CASTS[self._spec.cast]
        self._is_text = self._spec.cast == "text"

    def read(self, row: Any) -> Any:
        """Return the value in *row*, or None."""
        found = self._expression.find(row)
        if self._is_text and isinstance(found, str):  # as most are: nothing to cast or join
            text = clean_text(found, strip_tags=self._strip_tags)
            return None if self._is_null(text) else text
        if self._spec.cast == "any":
            return found
        if self._spec.cast == "xml":
            found = [xml_text(text) for text in as_texts(found)]
        texts = [clean_text(text, strip_tags=self._strip_tags) for text in as_texts(found)]
        texts = [text for text in texts if not self._is_null(text)]
        if not texts:
            return None
        try:
            return self._cast(texts, self._spec)
        except (ValueError, OverflowError):
            return None

    def _is_null(self, text: str) -> bool:
        # A long text is not hashed to be told that it is none of them.
        return len(text) <= self._longest_null and text in self._nulls


def _to_int(texts: list[str], spec: FieldSpec) -> int:
    if spec.scale != 1:
        return round(_to_float(texts, spec))
    return int(_within(float(_plain(texts[0])), spec))


def _to_float(texts: list[str], spec: FieldSpec) -> float:
    number = float(_plain(texts[0])) * spec.scale
    if not math.isfinite(number):
        raise ValueError(texts[0])
    return round(_within(number, spec), 12)


def _within(number: float, spec: FieldSpec) -> float:
    if spec.min is not None and number < spec.min:
        raise ValueError(number)
    if spec.max is not None and number > spec.max:
        raise ValueError(number)
    return number


def _plain(text: str) -> str:
    return text.replace(",", "")


def _to_bool(texts: list[str], spec: FieldSpec) -> bool:
    del spec
    return texts[0].lower() in ("true", "1", "y", "yes", "예")


def _to_date(texts: list[str], spec: FieldSpec) -> str:
    if spec.format:
        return datetime.strptime(texts[0], spec.format).date().isoformat()
    digits = re.sub(r"\D", "", texts[0])[:8]
    return datetime.strptime(digits, "%Y%m%d").date().isoformat()


def _to_time(texts: list[str], spec: FieldSpec) -> str:
    """Read ``"0900"`` and ``900`` (NMC sends both in one row) as 09:00."""
    del spec
    digits = texts[0].replace(":", "").zfill(4)
    if not re.fullmatch(r"(?:[01]\d|2[0-9])[0-5]\d", digits):
        raise ValueError(texts[0])
    return f"{digits[:2]}:{digits[2:]}"


def xml_text(text: str) -> str:
    """Return the titles and paragraphs of an XML document that came as a string.

    MFDS keeps its documents so: headings stand in ``title`` attributes.
    """
    value = read_xml(text.encode())
    return text if value is None else "\n".join(_lines(value))


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _lines(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name == "@title" or not name.startswith("@"):
                yield from _lines(item)


_CASTS: dict[str, Callable[[list[str], FieldSpec], Any]] = {
    "text": lambda texts, spec: spec.join.join(texts),
    "xml": lambda texts, spec: spec.join.join(texts),
    "list": lambda texts, spec: texts,
    "int": _to_int,
    "float": _to_float,
    "bool": _to_bool,
    "date": _to_date,
    "time": _to_time,
    "any": lambda texts, spec: texts,
}


class RecordMap:
    """Makes records of rows: ``id`` and ``name`` as text, and the fields that are named."""

    def __init__(
        self,
        id_path: str,
        fields: Mapping[str, str | FieldSpec],
        nulls: tuple[str, ...] = ("",),
        *,
        strip_tags: bool = True,
        at: str = "response",
    ) -> None:
        """Compile; *at* is where these settings stand. Raise `SpecError`."""
        self._id = Field(f"{at}.id", id_path, nulls, strip_tags=strip_tags)
        self._fields = {
            name: Field(f"{at}.fields.{name}", spec, nulls, strip_tags=strip_tags)
            for name, spec in fields.items()
        }

    def record(self, row: Any) -> Record:
        """Return the record of *row*; a row without an id is malformed."""
        identity = self._id.read(row)
        if identity is None:
            raise UpstreamError(Kind.MALFORMED, "the upstream gave a row without an id")
        record = {name: field.read(row) for name, field in self._fields.items()}
        return {"id": identity, "name": record.pop("name", None) or identity, **record}
