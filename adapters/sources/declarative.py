"""Any JSON, XML or CSV API, by configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import aiohttp

from adapters.errors import Kind, UpstreamError
from adapters.http import Reply, send
from adapters.source import Payload, Query, Record
from adapters.sources.documents import read_document
from adapters.sources.errors import Judge, Success
from adapters.sources.expressions import Expression, as_texts
from adapters.sources.fields import RecordMap
from adapters.sources.requests import Asker, end_of_day
from adapters.sources.rows import RowFinder
from adapters.sources.spec import ParamSpec, RequestSpec, ResponseSpec, SpecError, TermsSpec


@dataclass(frozen=True, slots=True)
class Page:
    """What one answer held."""

    records: Sequence[Record]
    total: int
    cursor: str = ""
    """Of the next page; empty: there is none, or pages have no cursors."""


class Reader:
    """Reads the answers of one source; its expressions compile here."""

    def __init__(self, spec: ResponseSpec, cursor: str = "") -> None:
        """Compile *spec* and the path of the next *cursor*; raise `SpecError`."""
        self._spec = spec
        self._judge = Judge(spec.errors)
        self._success = Success(spec.success)
        self._rows = RowFinder(spec)
        self._cursor = Expression("request.pages.cursor", cursor or "`null`")
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
        rows, total = self._rows.find(opened, later=later)
        records = [self._records.record(row) for row in rows]
        if asked and any(record["id"] != asked for record in records):
            raise UpstreamError(Kind.MALFORMED, "the upstream gave a record that was not asked for")
        return Page(records, total, "".join(as_texts(self._cursor.find(opened))))


class DeclarativeSource:
    """An upstream whose whole behavior stands in the configuration."""

    def __init__(  # noqa: PLR0917 - the parts of a source, in the order of its configuration
        self,
        name: str,
        request: RequestSpec,
        response: ResponseSpec,
        terms: TermsSpec,
        session: aiohttp.ClientSession,
        clock: Callable[[], float],
        params: Mapping[str, ParamSpec] | None = None,
    ) -> None:
        """Compile the configuration; raise `SpecError` with the path of what is wrong.

        *clock* gives Unix seconds.
        """
        declared = params or {}
        if response.id_is and response.id_is not in {"q", *declared}:
            raise SpecError("response.id_is", f"{response.id_is!r} is no parameter of this source")
        self.name = name
        self._request = request
        self._asker = Asker(request, declared)
        self._reader = Reader(response, request.pages.cursor)
        self._ends = end_of_day("request.valid_until", request.valid_until)
        self._id_is = response.id_is
        self._credit = terms.credit
        self._session = session
        self._clock = clock

    async def fetch(self, query: Query) -> Payload:
        """Ask the upstream for its page, or as many as are configured; raise `UpstreamError`."""
        self._refuse_after_its_end()
        asked = query.text if self._id_is == "q" else query.params.get(self._id_is, "")
        page = self._reader.read(await self._ask(query, 0, ""), asked)
        records, total = list(page.records), page.total
        pages = self._request.pages
        for number in range(1, pages.max):
            if not self._goes_on(page, len(records), total):
                break
            reply = await self._ask(query, number, page.cursor)
            page = self._reader.read(reply, asked, later=True)
            records += page.records
        return Payload(tuple(records), max(total, len(records)), self._credit, self._clock())

    def _goes_on(self, page: Page, so_far: int, total: int) -> bool:
        if self._request.pages.cursor:
            return bool(page.cursor) and bool(page.records)
        return len(page.records) >= self._request.pages.size and so_far < total

    async def _ask(self, query: Query, page: int, cursor: str) -> Reply:
        request = self._asker.build(query, page, cursor)
        return await send(
            self._session,
            request.url,
            request.headers,
            seconds=self._request.timeout,
            max_bytes=self._request.max_bytes,
            clean=self._asker.redactor.clean_bytes,
        )

    def _refuse_after_its_end(self) -> None:
        if self._clock() >= self._ends:
            instead = f"; use {self._request.successor}" if self._request.successor else ""
            ended = self._request.valid_until
            raise UpstreamError(Kind.AUTH_CONFIG, f"this API ended on {ended}{instead}")
