"""One client connection: aiohttp's own protocol, with our problems and our log lines."""

from __future__ import annotations

import asyncio
from functools import cached_property
from time import perf_counter
from typing import Any

import structlog
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.http_exceptions import InvalidURLError, LineTooLong
from aiohttp.web_request import BaseRequest

from gateway.shedding import NOBODY, Arrival, Nobody
from gateway.web.entrance import Entrance
from gateway.web.framing import Framing
from gateway.web.hit_path import Hits
from gateway.web.keys import QUIET, STARTED
from gateway.web.middlewares import REQUEST_ID_HEADER, request_id_of
from gateway.web.problems import ProblemError

_log = structlog.get_logger("gateway.access")
_QUIET = ("/healthz", "/readyz")
"""Probes ask every few seconds: their lines are told at debug."""


class AccessLog(AbstractAccessLogger):
    """One line per request. The query string is not in it: what people look up is their own."""

    @cached_property
    def _access(self) -> Any:
        # Bound once per connection: an unbound logger is made anew for each line. Most connections
        # are those of clients whose lines others tell (`hit_log`, `plain`).
        return structlog.get_logger("gateway.access").bind()

    def log(self, request: BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Log *request*; *time* is aiohttp's own, in seconds, which uvloop rounds to 1 ms."""
        started = request.get(STARTED)
        seconds = time if started is None else perf_counter() - started
        quiet = request.path in _QUIET or request.get(QUIET, False)
        tell = self._access.debug if quiet else self._access.info
        tell(
            "request",
            method=request.method,
            path=request.path,
            status=response.status,
            bytes=response.body_length,
            ms=round(seconds * 1000, 3),
            cache=response.headers.get("Cache-Status"),
        )


class Connection(web.RequestHandler):
    """Reads requests; what is no request gets a problem, and the connection ends."""

    __slots__ = (
        *("_answered", "_aside", "_entrance", "_framing", "_heard", "_hits", "_peer"),
        "arrival",
    )

    def __init__(self, server: web.Server, hits: Hits, entrance: Entrance, **options: Any) -> None:
        super().__init__(server, **options)
        self._hits = hits
        self._entrance = entrance
        self.arrival: Arrival | Nobody = NOBODY
        """The place at the door of the request that is read or answered."""
        self._framing = Framing()
        self._heard = False
        self._answered = True
        """Whether nothing is left to answer, though aiohttp has yet to begin to wait."""
        self._aside = False
        """Whether a request that nobody has parsed waits for its answer."""
        self._peer = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; the peer's address is asked for once."""
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if isinstance(peer, tuple) else ""

    def data_received(self, data: bytes) -> None:
        """Answer a hit from its bytes, refuse what there is no room for, or have *data* parsed."""
        if self._aside:
            self._meanwhile(data)
            return
        waiter = self._waiter
        # aiohttp waits for a request, or will in a moment; it has none to answer; its client reads.
        if (
            self._framing.at_start
            and (self._answered if waiter is None else not waiter.done())
            and not (self._messages or self._close or self._force_close)
            and not (self._upgraded or self._paused)
        ):
            reply = self._hits.reply(data, self._peer) or self._entrance.refuse(data)
            if reply is not None:
                self._heard = True
                if reply:
                    assert self.transport is not None
                    self.transport.write(reply)
                else:
                    self._aside = True
                return
            self.arrival = self._entrance.arrive(data)
        self._answered = False
        self._framing.follow(data)
        super().data_received(data)

    def _meanwhile(self, data: bytes) -> None:
        """Take *data*, which came while a request waits for its answer."""
        raise NotImplementedError

    def connection_lost(self, exc: BaseException | None) -> None:
        """End; who has left stands at no door."""
        self.arrival.passed()
        super().connection_lost(exc)

    async def _handle_request(
        self, request: Any, start_time: float | None, request_handler: Any
    ) -> tuple[web.StreamResponse, bool]:
        """Answer *request*; a client may ask again before aiohttp's loop has come round."""
        response, reset = await super()._handle_request(request, start_time, request_handler)
        ended = request.content.is_eof() and not reset
        self._answered = ended and bool(response.keep_alive) and not self._messages
        return response, reset

    def _process_keepalive(self) -> None:
        """Close a connection that has been silent; one that asked for hits has not."""
        if self._heard:
            self._heard = False
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        super()._process_keepalive()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the problem of a message that the parser refused, or of a fault while answering.

        The client's own bytes, which aiohttp puts into *message*, are not sent back.
        """
        self.arrival.passed()
        if request.writer.output_size > 0:
            raise ConnectionError("the response has begun; no other can be sent") from exc
        request_id = request_id_of("")
        if status >= 500:
            _log.error("connection.failed", request_id=request_id, exc_info=exc)
        problem = ProblemError(500, "the gateway failed") if status >= 500 else _refusal(exc)
        response = problem.response(request.path)
        response.headers[REQUEST_ID_HEADER] = request_id
        response.force_close()
        return response


def connection(server: web.Server, hits: Hits, entrance: Entrance, **options: Any) -> Connection:
    """Return the protocol for a client of *server*: *hits* sees its bytes, then *entrance*."""
    return Connection(
        server,
        hits,
        entrance,
        loop=server._loop,
        access_log_class=AccessLog,
        auto_decompress=False,
        **options,
    )


def _refusal(exc: BaseException | None) -> ProblemError:
    """aiohttp calls every fault of a head a 400; RFC 9110 §15.5.15 and RFC 6585 §5 know better."""
    if isinstance(exc, LineTooLong):
        line = exc.args[0] if exc.args else b""
        # The parser hands over the request target as it is, which begins with a slash.
        if bytes(line[:1] if isinstance(line, bytes | bytearray) else b"") == b"/":
            return ProblemError(414, "the request target is longer than 8190 bytes")
        return ProblemError(431, "a header is longer than 8190 bytes")
    if exc is not None and "Too many headers" in str(exc):
        return ProblemError(431, "there are more than 128 headers")
    if isinstance(exc, InvalidURLError):
        # RFC 3986 §2.1: most who meet this have typed another script into a URL as it is.
        return ProblemError(400, "the request target has to be percent-encoded, as UTF-8")
    return ProblemError(400, "this is not an HTTP/1.1 request")
