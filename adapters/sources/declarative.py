"""Any JSON, XML or CSV API, by configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import aiohttp
import msgspec

from adapters.allowance import seconds_until_more
from adapters.errors import Kind, UpstreamError
from adapters.further_calls import further_call
from adapters.http import Reply, send
from adapters.source import Attribution, Payload, Query, Record
from adapters.sources.conditions import NOT_MODIFIED, Conditions
from adapters.sources.reader import Page, Reader
from adapters.sources.requests import Asker, Request, lifetime
from adapters.sources.spec import ParamSpec, RequestSpec, ResponseSpec, SpecError, TermsSpec


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
        _check_parameters(response, {"q", *declared})
        self.name = name
        self._request = request
        self._asker = Asker(request, declared)
        self._reader = Reader(response, request.pages)
        self._begins, self._ends = lifetime(request)
        self._id_is = response.id_is
        self._conditions = Conditions(request, response)
        self._keep = response.keep
        self._credit = terms.credit
        self._session = session
        self._clock = clock

    async def fetch(self, query: Query) -> Payload:
        """Ask the upstream for its page, or as many as are configured; raise `UpstreamError`."""
        self._refuse_outside_its_life()
        asked = _value(query, self._id_is) if self._id_is else ""
        request = first = self._asker.build(query)
        conditions = self._conditions.headers(query.validator)
        records: list[Record] = []
        rows, number, pause = 0, 0, None
        total: int | None = None
        while True:
            reply = await self._ask(request, conditions)
            pause = self._pause(reply)
            if conditions and reply.status == NOT_MODIFIED:
                return Payload((), 0, self._credit, self._clock(), pause=pause, unchanged=True)
            page = self._reader.read(reply, asked, later=number > 0)
            total = page.total if total is None else total
            records += page.records
            rows += page.rows
            number += 1
            last = number == self._request.pages.max and not query.whole
            if last or not self._goes_on(page, rows, total):
                break
            request = self._following(query, first, page, number)
            await further_call()
        kept = self._kept(query, records)
        if len(kept) < len(records):
            if rows < total:
                why = "the upstream ignored what was asked, and not all of its rows were seen"
                raise UpstreamError(Kind.MALFORMED, why)
            total = len(kept)
        kept = _without_repeats(kept)
        return Payload(
            tuple(kept),
            max(total, len(kept)),
            _with_words(self._credit, page.disclaimer),
            self._clock(),
            pause=pause,
            validator=self._conditions.validator(reply.headers),
        )

    def _goes_on(self, page: Page, so_far: int, total: int) -> bool:
        pages = self._request.pages
        if not page.rows:
            return False
        if pages.next or pages.cursor:
            return bool(page.following)
        return page.more if pages.more else page.rows >= pages.size and so_far < total

    def _following(self, query: Query, first: Request, page: Page, number: int) -> Request:
        if self._request.pages.next:
            return self._asker.follow(page.following, first)
        return self._asker.build(query, number, page.following)

    def _kept(self, query: Query, records: list[Record]) -> list[Record]:
        """Leave out what was not asked for, where the upstream does not."""
        if not self._keep:
            return records
        wanted = {field: _value(query, name) for field, name in self._keep.items()}
        given = {field: value for field, value in wanted.items() if value}
        return [
            record
            for record in records
            if all(str(record[field]) == value for field, value in given.items())
        ]

    async def _ask(self, request: Request, conditions: Mapping[str, str]) -> Reply:
        reply = await send(
            self._session,
            request.url,
            {**request.headers, **conditions} if conditions else request.headers,
            seconds=self._request.timeout,
            max_bytes=self._request.max_bytes,
            clean=self._asker.redactor.clean_bytes,
        )
        if reply.retry_after is None and not 200 <= reply.status < 300:
            reply = msgspec.structs.replace(reply, retry_after=self._pause(reply))
        return reply

    def _pause(self, reply: Reply) -> float | None:
        names = self._request.limit_headers
        return seconds_until_more(
            reply.headers,
            self._clock(),
            remaining=names.remaining,
            reset=names.reset,
            unit=names.unit,
        )

    def _refuse_outside_its_life(self) -> None:
        now = self._clock()
        if now < self._begins:
            begins = self._request.valid_from
            raise UpstreamError(Kind.MISCONFIGURED, f"this API begins on {begins}")
        if now >= self._ends:
            instead = f"; use {self._request.successor}" if self._request.successor else ""
            ended = self._request.valid_until
            raise UpstreamError(Kind.MISCONFIGURED, f"this API ended on {ended}{instead}")


def _with_words(credit: Attribution, words: str) -> Attribution:
    """Return *credit* with the upstream's own *words* behind it, unless it has them already."""
    if words in credit.text:
        return credit
    return replace(credit, text=f"{credit.text} {words}".strip())


def _value(query: Query, name: str) -> str:
    return query.text if name == "q" else query.params.get(name, "")


def _check_parameters(response: ResponseSpec, known: set[str]) -> None:
    if response.id_is and response.id_is not in known:
        raise SpecError("response.id_is", f"{response.id_is!r} is no parameter of this source")
    for field, name in response.keep.items():
        if name not in known:
            raise SpecError(f"response.keep.{field}", f"{name!r} is no parameter of this source")
        if field not in {"id", "name", *response.fields}:
            raise SpecError(f"response.keep.{field}", f"{field!r} is no field of this source")


def _without_repeats(records: list[Record]) -> list[Record]:
    """Leave out a record that was there already, word for word: pages overlap, joins repeat."""
    if len({record["id"] for record in records}) == len(records):
        return records
    seen: dict[str, list[Record]] = {}
    kept = []
    for record in records:
        same = seen.setdefault(record["id"], [])
        if record not in same:
            same.append(record)
            kept.append(record)
    return kept
