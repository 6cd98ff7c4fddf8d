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
from random import random
from time import perf_counter
from typing import Final

import structlog
from aiohttp import hdrs, web

from adapters.errors import UpstreamError
from gateway.assembly import Gateway
from gateway.events import HELD, Held, Responded
from gateway.journey import Journey, begin_journey
from gateway.logs import OF_REQUEST
from gateway.profiling.statements import TALLY, Tally
from gateway.shedding import ARRIVAL, Arrival, Nobody
from gateway.web import headers, plain_reply
from gateway.web.encoding import EncodedBodies
from gateway.web.limits import ClientLimits
from gateway.web.measuring import GONE, UPSTREAM
from gateway.web.middlewares import crashed
from gateway.web.nearest import marked, nearest_names, rendered
from gateway.web.plain_reply import Moment, Reply
from gateway.web.plain_request import Members, Plain, PlainRequests
from gateway.web.problems import ProblemError, upstream_failed
from gateway.web.search import CALLER_DEADLINE
from gateway.web.seats import Seats

_PATH = "/v1/search"
_log = structlog.get_logger(__name__)


class PlainLookups:
    """Answers plain lookups of *gateway*; who has a seat is answered with them."""

    def __init__(
        self,
        gateway: Gateway,
        *,
        limits: ClientLimits,
        bodies: EncodedBodies,
        seats: Seats,
    ) -> None:
        config = gateway.config
        self._gateway = gateway
        self.requests = PlainRequests(gateway, limits)
        """What reads them."""
        self._bodies = bodies
        self._seats = seats
        self._vary = "Accept-Encoding, Origin" if config.server.cors else hdrs.ACCEPT_ENCODING
        self._sampled = config.logs.sample_hits
        # Bound once: an unbound logger is made anew for each line.
        self._access = structlog.get_logger("gateway.access").bind()

    async def answer(self, plain: Plain, arrival: Arrival | Nobody) -> Reply:
        """Return the response to *plain*, who stands at the door as *arrival*.

        It is not told of before `tell`. To be called in a task of its own.
        """
        tally = Tally()
        HELD.set(Held())
        OF_REQUEST.set(Members(plain))
        ARRIVAL.set(arrival)
        TALLY.set(tally)
        try:
            reply = await self._answer(plain, begin_journey())
        except ProblemError as problem:
            reply = plain_reply.refusal(problem, self._moment(plain))
        except asyncio.CancelledError:
            self._count(plain, GONE, "", tally.count)
            raise
        except Exception:  # noqa: BLE001 - the last resort of a request: logged with its id
            _log.exception("request.crashed", method="GET", path=_PATH)
            reply = plain_reply.refusal(crashed(), self._moment(plain))
        finally:
            arrival.passed()
        return reply._replace(queries=tally.count)

    def tell(self, plain: Plain, reply: Reply) -> None:
        """Tell that *plain* was answered with *reply*, and what was held meanwhile."""
        seconds = self._count(plain, reply.status, reply.tier, reply.queries)
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

    async def _answer(self, plain: Plain, way: Journey) -> Reply:
        """Return the answer to *plain*; raise `ProblemError`."""
        search, gateway, start = plain.search, self._gateway, perf_counter()
        try:
            answer = await gateway.resolver.resolve(
                search.lookup, CALLER_DEADLINE, want_summary=search.summary
            )
        except UpstreamError as error:
            raise upstream_failed(error, search.route.name) from error
        nearest = await nearest_names(gateway, search, answer)
        content = marked(answer.etag, nearest)
        tag = headers.entity_tag(content, search.view)
        if not nearest:
            self._seats.serve_line(plain.asked.line, search, answer, content, tag)
        timing = headers.server_timing(answer, perf_counter() - start, way.steps)
        told = plain_reply.told_of(answer, tag, self._vary, timing)
        if plain.known and plain.known == tag[3:-1].encode():
            return plain_reply.unchanged(told, self._moment(plain))
        body, coding = self._bodies.get(
            content,
            search.view,
            plain.asked.caller.coding,
            lambda: rendered(answer, search, nearest),
        )
        return plain_reply.found(told, body, coding, self._moment(plain))

    def _moment(self, plain: Plain) -> Moment:
        return Moment(self._gateway.clock(), plain.request_id, plain.limits)

    def _count(self, plain: Plain, status: int, tier: str, queries: int) -> float:
        seconds, held = perf_counter() - plain.since, HELD.get()
        if held is not None:
            self._gateway.events.release(held)
        told = Responded(_PATH, "GET", status, tier, seconds, queries)
        self._gateway.events.emit(told)
        return seconds


PLAIN: Final = web.AppKey("plain", PlainLookups)
"""Of an application: what is answered without a parser though memory has it not."""
