"""Any JSON, XML or CSV API, by configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import aiohttp

from adapters.errors import Kind, UpstreamError
from adapters.http import Reply, send
from adapters.source import Payload, Query, Record
from adapters.sources.documents import read_document
from adapters.sources.errors import Judge, Success
from adapters.sources.fields import RecordMap
from adapters.sources.requests import Asker
from adapters.sources.rows import RowFinder
from adapters.sources.spec import ParamSpec, RequestSpec, ResponseSpec, SpecError, TermsSpec


class Reader:
    """Reads the answers of one source; its expressions compile here."""

    def __init__(self, spec: ResponseSpec) -> None:
        """Compile *spec*; raise `SpecError`."""
        self._spec = spec
        self._judge = Judge(spec.errors)
        self._success = Success(spec.success)
        self._rows = RowFinder(spec)
        self._records = RecordMap(spec.id, spec.fields, spec.nulls, strip_tags=spec.strip_tags)

    def read(self, reply: Reply, asked: str = "") -> tuple[list[Record], int]:
        """Return the records of *reply* and their total; raise `UpstreamError`.

        *asked* is the id that was asked for, where the source can be asked for one.
        """
        charset = self._spec.charset or reply.charset
        document = read_document(reply.body, self._spec.format, charset)
        if self._judge.is_empty(reply, document):
            return [], 0
        if document.value is None:
            raise UpstreamError(Kind.MALFORMED, f"the upstream's answer is no {self._spec.format}")
        opened = self._rows.open(document.value)
        self._success.check(opened)
        rows, total = self._rows.find(opened)
        records = [self._records.record(row) for row in rows]
        if asked and any(record["id"] != asked for record in records):
            raise UpstreamError(Kind.MALFORMED, "the upstream gave a record that was not asked for")
        return records, total


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
        self._reader = Reader(response)
        self._id_is = response.id_is
        self._credit = terms.credit
        self._session = session
        self._clock = clock

    async def fetch(self, query: Query) -> Payload:
        """Ask the upstream once; raise `UpstreamError`."""
        request = self._asker.build(query)
        reply = await send(
            self._session,
            request.url,
            request.headers,
            seconds=self._request.timeout,
            max_bytes=self._request.max_bytes,
            clean=self._asker.redactor.clean_bytes,
        )
        records, total = self._reader.read(reply, self._asked(query))
        return Payload(tuple(records), total, self._credit, self._clock())

    def _asked(self, query: Query) -> str:
        return query.text if self._id_is == "q" else query.params.get(self._id_is, "")
