"""From one answer of an upstream to its records, and to where the next page is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from adapters.errors import Kind, UpstreamError
from adapters.http import Reply
from adapters.source import Record
from adapters.sources.documents import read_document
from adapters.sources.errors import Judge, Success
from adapters.sources.expressions import Expression, as_texts
from adapters.sources.fields import RecordMap
from adapters.sources.rows import RowFinder
from adapters.sources.spec import PagesSpec, ResponseSpec

_LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[\w*-]+\s*=\s*(?:\"[^\"]*\"|[^\s;,\"]+))*)")
_RELATION = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.IGNORECASE)


class Page(msgspec.Struct, frozen=True):
    """What one answer held."""

    records: Sequence[Record]
    total: int
    rows: int = 0
    """How many rows the answer held, those that were left out included."""
    following: str = ""
    """Cursor or URL of the next page; empty: there is none, or pages are counted."""
    more: bool = False
    """Whether the answer says that there are more pages."""
    disclaimer: str = ""
    """What the upstream wants said with its records."""


class Reader:
    """Reads the answers of one source; its expressions compile here."""

    def __init__(self, spec: ResponseSpec, pages: PagesSpec | None = None) -> None:
        """Compile *spec* and where *pages* says that the next one is; raise `SpecError`."""
        pages = pages or PagesSpec()
        self._spec = spec
        self._judge = Judge(spec.errors)
        self._success = Success(spec.success)
        self._rows = RowFinder(spec)
        self._by_link = pages.next == "link"
        place = "next" if pages.next else "cursor"
        following = "" if self._by_link else pages.next or pages.cursor
        self._following = _optional(f"request.pages.{place}", following)
        self._more = _optional("request.pages.more", pages.more)
        self._disclaimer = _optional("response.disclaimer", spec.disclaimer)
        self._records = RecordMap(spec.id, spec.fields, spec.nulls, strip_tags=spec.strip_tags)

    def read(self, reply: Reply, asked: str = "", *, later: bool = False) -> Page:
        """Return what *reply* holds; raise `UpstreamError`.

        *asked* is the id that was asked for, where the source can be asked for one; *later*
        pages may be empty although there is a total.
        """
        charset = self._spec.charset or reply.charset
        document = read_document(reply.body, self._spec.format, charset)
        if self._judge.is_empty(reply, document):
            return Page((), 0)
        if document.value is None:
            raise UpstreamError(Kind.MALFORMED, f"the upstream's answer is no {self._spec.format}")
        opened = self._rows.open(document.value)
        self._success.check(opened)
        rows, total, count = self._rows.find(opened, later=later)
        records = [self._records.record(row) for row in rows]
        if asked and any(record["id"] != asked for record in records):
            raise UpstreamError(Kind.MALFORMED, "the upstream gave a record that was not asked for")
        following = self._next_place(reply, opened)
        more = self._more is not None and bool(self._more.find(opened))
        said = _joined(self._disclaimer, document.value, " ")
        return Page(records, total, count, following, more, said)

    def _next_place(self, reply: Reply, opened: Any) -> str:
        if self._by_link:
            return next_link(reply.headers.get("Link", ""))
        return _joined(self._following, opened, "")


def _optional(path: str, text: str) -> Expression | None:
    return Expression(path, text) if text else None


def _joined(expression: Expression | None, value: Any, by: str) -> str:
    return "" if expression is None else by.join(as_texts(expression.find(value)))


def next_link(header: str) -> str:
    """Return the target of ``rel=next`` in a ``Link`` header (RFC 8288 §3), empty without one."""
    for target, parameters in _LINK.findall(header):
        relations = _RELATION.search(parameters)
        if relations and "next" in (relations[1] or relations[2] or "").lower().split():
            return str(target)
    return ""
