"""``GET /v1/search/stream``: the records at once, the summary as it is written, then the rest."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

import orjson
import structlog
from aiohttp import web
from aiohttp.web_request import Request

from adapters.errors import SummaryError, UpstreamError
from gateway.answer import Answer, degradations
from gateway.freshness import failed
from gateway.streaming import Broadcast, Listener, Script
from gateway.web import headers
from gateway.web.admission import asker
from gateway.web.keys import GATEWAY
from gateway.web.parameters import Search, read_search
from gateway.web.problems import ProblemError, upstream_failed
from gateway.web.sessions import placed
from gateway.web.sse import EventStream
from storage.entry import Entry
from storage.tiers import Tiers

_log = structlog.get_logger(__name__)
_STATUS = {"timeout": 504, "rate_limited": 503, "quota": 503, "budget": 503, "circuit_open": 503}
"""What a model's failure would be as an answer of its own; any other is a 502."""

PATH = "/v1/search/stream"
Told = tuple[str, bytes]
"""An event's name and its data, in one line."""
HEARTBEAT: Told = ("", b"")


async def stream(request: Request) -> web.StreamResponse:
    """Tell one lookup as it comes; raise `ProblemError` when it cannot be asked at all."""
    gateway = request.app[GATEWAY]
    asked = await placed(request, read_search(request.query, asker(request)))
    spec = gateway.config.server.stream
    came = _Coming(gateway.tiers, gateway.tiers.mark, gateway.broadcasts.begun)
    with gateway.broadcasts.hold(asked.lookup.key) as channel, channel.listening() as listener:
        resolving = asyncio.create_task(
            gateway.personal.resolve(
                asked.lookup, asked.route, want_summary=asked.summary, patient=True
            )
        )
        resolving.add_done_callback(lambda _: listener.bell.set())
        telling = _Telling(asked, listener, resolving, came)
        try:
            async with EventStream(request, spec.stall) as events:
                async for told in telling.events(spec.heartbeat):
                    await (events.beat() if told is HEARTBEAT else events.send(*told))
        finally:
            # The flight goes on: only this caller's waiting for it ends.
            resolving.cancel()
    return events.response


@dataclass(frozen=True, slots=True)
class _Coming:
    """When a client came: it is told what may be given to who came then (design §7)."""

    tiers: Tiers
    mark: int
    begun: int

    def may_hear(self, broadcast: Broadcast) -> bool:
        """Say whether what *broadcast* tells is for this client as well.

        A flight that began after it came brings nothing that was withdrawn before. Whom an earlier
        one is kept from is answered by another.
        """
        entry = broadcast.entry
        if entry is None:
            return False
        return broadcast.number > self.begun or self.tiers.serves(entry, self.mark)


class _Telling:
    """One client's way through what is told of a lookup, up to the answer."""

    def __init__(
        self,
        asked: Search,
        listener: Listener,
        resolving: asyncio.Task[Answer],
        came: _Coming,
    ) -> None:
        self._asked = asked
        self._listener = listener
        self._resolving = resolving
        self._came = came
        self._told: Entry | None = None
        self._heard: Script | None = None
        self._pieces = 0

    async def events(self, heartbeat: float) -> AsyncIterator[Told]:
        """Yield what there is to tell, as soon as it is there, until the end."""
        while not self._resolving.done():
            self._listener.bell.clear()
            # A summary of other records than were told is told when it is whole.
            for told in self._so_far(self._told):
                yield told
            try:
                async with asyncio.timeout(heartbeat):
                    await self._listener.bell.wait()
            except TimeoutError:
                yield HEARTBEAT
        try:
            answer = self._resolving.result()
        except UpstreamError as error:
            failure = upstream_failed(error, self._asked.route.name)
        except Exception:  # noqa: BLE001 - the last resort of a stream: logged with its request
            _log.exception("stream.crashed")
            failure = ProblemError(500, "the gateway failed")
        else:
            for told in self._whole(answer):
                yield told
            return
        for told in self._broken(failure.body(PATH)):
            yield told

    def _so_far(self, of: Entry | None) -> Iterator[Told]:
        """Yield what a flight has told since the last time, of records like those of *of*."""
        broadcast = self._heard_of(of)
        if broadcast is None or broadcast.entry is None:
            return
        if self._told is None:
            entry = broadcast.entry
            yield self._records(entry, degradations(entry, stale=False, summary_expected=False))
        script = broadcast.script
        if script is None or not self._asked.summary:
            return
        # A second one is told when it is whole.
        self._heard = self._heard or script
        if script is self._heard:
            text, self._pieces = script.since(self._pieces)
            if text:
                yield "summary.delta", orjson.dumps({"text": text})

    def _heard_of(self, of: Entry | None) -> Broadcast | None:
        """Return which flight is heard of records like those of *of*; None: of any."""
        heard = [
            each
            for each in self._listener.offered
            if (of is None or _alike(each.entry, of)) and self._came.may_hear(each)
        ]
        return max(heard, key=_preference, default=None)

    def _records(self, entry: Entry, degraded: tuple[str, ...]) -> Told:
        self._told = entry
        asked = self._asked
        near = asked.lookup.near
        shown = Answer(entry, asked.route.freshness, "miss", "", 0.0, degraded, near=near)
        # Summaries of the items stand among the records, which are told again once they are there.
        within = asked.summary and shown.of_items
        return "records", shown.body(fields=asked.fields, limit=asked.limit, summary=within)

    def _whole(self, answer: Answer) -> Iterator[Told]:
        """Yield what of *answer* is not told yet, and the end.

        It may be another one than the flight's: an old one that was given at once.
        """
        entry = answer.entry
        if self._told is None or _alike(self._told, entry):
            yield from self._so_far(entry)
        if not _alike(self._told, entry):
            yield self._records(entry, answer.degraded)
        flown, part = self._heard_of(entry), entry.summary
        script = None if flown is None else flown.script
        if script is not None and script.fault is not None and part is not None and failed(part):
            yield "error", _fault(script.fault, self._asked)
        asked = self._asked.summary
        yield "summary", part.body if asked and part is not None else b"null"
        degraded = [each for each in answer.degraded if asked or each != "summary"]
        yield _done(degraded, headers.cache_status(answer))

    def _broken(self, problem: bytes) -> Iterator[Told]:
        yield "error", problem
        lacking = self._told is not None and self._asked.summary
        if lacking:
            yield "summary", b"null"
        yield _done(["summary"] if lacking else [], f"{headers.CACHE}; fwd=miss")


def _preference(heard: Broadcast) -> tuple[bool, bool, int]:
    """One that still tells comes before one that has told, one with a summary before others."""
    return not heard.over, heard.script is not None, heard.number


def _alike(told: Entry | None, entry: Entry) -> bool:
    """Whether *told* has the records of *entry*."""
    return told is not None and told.records.body == entry.records.body


def _fault(error: SummaryError, asked: Search) -> bytes:
    """Return the problem of a summary that broke off; its message says nothing of the server."""
    wait = None if error.retry_after is None else max(1, math.ceil(error.retry_after))
    return ProblemError(
        _STATUS.get(error.reason, 502),
        error.message,
        kind="summary-failed",
        title="The summary broke off",
        members={"source": asked.route.name, "reason": error.reason, "retry_after": wait},
    ).body(PATH)


def _done(degraded: Sequence[str], cache_status: str) -> Told:
    return "done", orjson.dumps({"degraded": degraded, "cache_status": cache_status})
