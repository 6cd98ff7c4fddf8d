"""Plain lookups that memory has not, answered without a parser: what the hit path leaves.

The rules:

1. It is for exactly one plain GET (`request_head`) of somebody who is known and may search there,
   as `seats` has it: a source that heeds sessions or places, and who shows a session, go the whole
   way. So does what memory has: its answer is learned there (`hit_path`).
2. What cannot be asked, what a limit refuses, and conditions on more than one answer go the whole
   way too, before anything was done for them.
3. The resolver answers as on the whole way (`search`), in a task of its own; what a request is
   counted in, what log lines say of it and what its answer says are the same.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from random import random
from time import perf_counter
from typing import Final, NamedTuple

import structlog
from aiohttp import hdrs, web
from yarl import URL

from adapters.errors import UpstreamError
from gateway.assembly import Gateway
from gateway.events import Responded
from gateway.journey import Journey, begin_journey
from gateway.logs import OF_REQUEST
from gateway.profiling.statements import TALLY, Tally
from gateway.rates import Decision
from gateway.shedding import ARRIVAL, Arrival, Nobody
from gateway.web import headers, plain_reply
from gateway.web.admission import visible
from gateway.web.caller import Caller
from gateway.web.encoding import EncodedBodies
from gateway.web.limits import ClientLimits, rate_headers
from gateway.web.measuring import GONE, UPSTREAM
from gateway.web.middlewares import crashed, request_id_of, trace_id_of
from gateway.web.nearest import marked, nearest_names, rendered
from gateway.web.parameters import Asker, Search, read_single, search_of
from gateway.web.plain_reply import Moment, Reply
from gateway.web.problems import ProblemError, upstream_failed
from gateway.web.recognition import Recognition
from gateway.web.request_head import LONGEST
from gateway.web.search import CALLER_DEADLINE
from gateway.web.seats import Seats

_PATH = "/v1/search"
_START = b"GET /v1/search?"
_VERSION = b" HTTP/1.1"
_QUERY = re.compile(rb"[A-Za-z0-9._~!*'()/:@,+%&=-]*")
"""That every parser reads alike."""
_TAG = re.compile(rb'(?:W/)?"([\x21\x23-\x2b\x2d-\x7e]*)"')
"""One entity tag (RFC 9110 §8.8.3) without a comma."""
_TRACEPARENT = re.compile(rb"(?i)\r\ntraceparent:[\t ]*([!-~]+)[\t ]*\r\n")
_log = structlog.get_logger(__name__)


class Plain(NamedTuple):
    """A lookup that is to be answered."""

    data: bytes
    """What was sent."""
    line: bytes
    """Its first line without the version."""
    search: Search
    caller: Caller
    known: bytes
    """The opaque tag of what its client has; empty: nothing."""
    request_id: str
    limits: bytes
    """Lines on limits, for the answer's head."""
    since: float
    """When it came, by `time.perf_counter`."""


class PlainLookups:
    """Answers plain lookups of *gateway*; who has a seat is answered with them."""

    def __init__(
        self,
        gateway: Gateway,
        *,
        recognition: Recognition,
        limits: ClientLimits,
        bodies: EncodedBodies,
        seats: Seats,
    ) -> None:
        config = gateway.config
        self._gateway = gateway
        self._recognition = recognition
        self._limits = limits
        self._bodies = bodies
        self._seats = seats
        self._vary = "Accept-Encoding, Origin" if config.server.cors else hdrs.ACCEPT_ENCODING
        self._sampled = config.logs.sample_hits
        # Bound once: an unbound logger is made anew for each line.
        self._access = structlog.get_logger("gateway.access").bind()

    def read(self, data: bytes, peer: str) -> Plain | None:
        """Return what the request *data* from *peer* asks, counted; None: it goes the whole way."""
        since = perf_counter()
        if not data.startswith(_START) or len(data) > LONGEST:
            return None
        line, _, block = data.partition(_VERSION)
        query, read = line[len(_START) :], self._recognition.heads.read(block)
        if read is None or not _QUERY.fullmatch(query):
            return None
        head, request_id = read
        caller = self._recognition.caller(head, peer, self._gateway.clock())
        known = _TAG.fullmatch(head.if_none_match or b'""')
        if caller is None or known is None or not caller.coding:
            return None
        search = self._search(query, caller)
        if search is None:
            return None
        decision = self._limits.decide(caller.identity, peer, head.forwarded_for)
        if decision is not None and not decision.allowed:
            return None
        told = b"" if decision is None else _written(decision)
        name = request_id_of(request_id.decode())
        return Plain(data, line, search, caller, known[1], name, told, since)

    async def answer(self, asked: Plain, arrival: Arrival | Nobody) -> Reply:
        """Return the response to *asked*, who stands at the door as *arrival*.

        It is not told of before `tell`. To be called in a task of its own.
        """
        tally = Tally()
        OF_REQUEST.set(_Members(asked))
        ARRIVAL.set(arrival)
        TALLY.set(tally)
        try:
            reply = await self._answer(asked, begin_journey())
        except ProblemError as problem:
            reply = plain_reply.refusal(problem, self._moment(asked))
        except asyncio.CancelledError:
            self._count(asked, GONE, "", tally.count)
            raise
        except Exception:  # noqa: BLE001 - the last resort of a request: logged with its id
            _log.exception("request.crashed", method="GET", path=_PATH)
            reply = plain_reply.refusal(crashed(), self._moment(asked))
        finally:
            arrival.passed()
        return reply._replace(queries=tally.count)

    def tell(self, asked: Plain, reply: Reply) -> None:
        """Tell that *asked* was answered with *reply*."""
        seconds = self._count(asked, reply.status, reply.tier, reply.queries)
        hit = reply.tier not in ("", UPSTREAM)
        if hit and random() >= self._sampled:  # noqa: S311 - no secret
            return
        self._access.info(
            "request",
            method="GET",
            path=_PATH,
            status=reply.status,
            bytes=reply.length,
            ms=round(seconds * 1000, 3),
            cache=reply.cache,
        )

    def _search(self, query: bytes, caller: Caller) -> Search | None:
        identity = caller.identity
        pairs = URL.build(path=_PATH, query_string=query.decode(), encoded=True).query
        routes = visible(identity, self._gateway.routes)
        try:
            search = search_of(read_single(pairs), Asker(identity.tenant, routes))
        except ProblemError:
            return None
        route = search.route
        if route.sessions or route.location is not None:
            return None
        return None if self._gateway.tiers.memory.has(search.lookup.key) else search

    async def _answer(self, asked: Plain, way: Journey) -> Reply:
        """Return the answer to *asked*; raise `ProblemError`."""
        search, gateway, start = asked.search, self._gateway, perf_counter()
        try:
            answer = await gateway.personal.resolve(
                search.lookup, search.route, CALLER_DEADLINE, want_summary=search.summary
            )
        except UpstreamError as error:
            raise upstream_failed(error, search.route.name) from error
        nearest = await nearest_names(gateway, search, answer)
        content = marked(answer.etag, nearest)
        tag = headers.entity_tag(content, search.view)
        if not nearest:
            self._seats.serve_line(asked.line, search, answer, content, tag)
        timing = headers.server_timing(answer, perf_counter() - start, way.steps)
        told = plain_reply.told_of(answer, tag, self._vary, timing)
        if asked.known and asked.known == tag[3:-1].encode():
            return plain_reply.unchanged(told, self._moment(asked))
        body, coding = self._bodies.get(
            content, search.view, asked.caller.coding, lambda: rendered(answer, search, nearest)
        )
        return plain_reply.found(told, body, coding, self._moment(asked))

    def _moment(self, asked: Plain) -> Moment:
        return Moment(self._gateway.clock(), asked.request_id, asked.limits)

    def _count(self, asked: Plain, status: int, tier: str, queries: int) -> float:
        seconds = perf_counter() - asked.since
        told = Responded(_PATH, "GET", status, tier, seconds, queries)
        self._gateway.events.emit(told)
        return seconds


PLAIN: Final = web.AppKey("plain", PlainLookups)
"""Of an application: what is answered without a parser though memory has it not."""


def _written(decision: Decision) -> bytes:
    lines = rate_headers(decision).items()
    return "".join(f"{name}: {value}\r\n" for name, value in lines).encode()


class _Members:
    """What log lines say of the request that they belong to."""

    __slots__ = ("_asked", "_known")

    def __init__(self, asked: Plain) -> None:
        self._asked = asked
        self._known: Mapping[str, str] = {}

    def __call__(self) -> Mapping[str, str]:
        """Return them, always the same."""
        if not self._known:
            asked, found = self._asked, _TRACEPARENT.search(self._asked.data)
            self._known = {
                "request_id": asked.request_id,
                "trace_id": trace_id_of(found[1].decode() if found else ""),
                "source": asked.search.route.name,
                "tenant": asked.caller.identity.tenant,
                "who": asked.caller.identity.name,
            }
        return self._known
