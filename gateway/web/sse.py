"""Server-sent events to one client (HTML Living Standard, §9.2), which may be slow or gone."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from aiohttp import hdrs, web
from aiohttp.web_request import Request

from gateway.web.keys import REQUEST_ID
from gateway.web.middlewares import REQUEST_ID_HEADER

_HEADERS = {
    hdrs.CONTENT_TYPE: "text/event-stream",
    hdrs.CACHE_CONTROL: "no-store",
    # nginx would keep the events back until it has a page of them.
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


_BUFFER = 64 * 1024


class ClientGoneError(Exception):
    """The client closed the connection, or took nothing for so long that it was cut off."""


class EventStream:
    """The response to one request, event by event.

    What is written and not yet taken is bounded by the connection's own buffers: beyond that a
    write waits for the client, at most *stall* seconds for each 64 KiB.
    """

    def __init__(self, request: Request, stall: float) -> None:
        self.response = web.StreamResponse(headers=_HEADERS)
        # The head goes out before the middlewares see the response.
        self.response.headers[REQUEST_ID_HEADER] = request[REQUEST_ID]
        self._request = request
        self._stall = stall

    async def __aenter__(self) -> Self:
        await self.response.prepare(self._request)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """Swallow that the client is gone: nobody is left who could be told."""
        return kind is not None and issubclass(kind, ClientGoneError)

    async def send(self, event: str, data: bytes, *, number: str = "") -> None:
        """Send *data*, one line, as *event*, with *number* for its id; raise `ClientGoneError`.

        Either may be empty: the event is a ``message`` then, and has no id.
        """
        name = b"event: %b\n" % event.encode() if event else b""
        head = b"id: %b\n" % number.encode() if number else b""
        await self._write(b"%b%bdata: %b\n\n" % (head, name, data))

    async def beat(self) -> None:
        """Send a comment, which clients ignore and proxies do not; raise `ClientGoneError`."""
        await self._write(b":\n\n")

    async def _write(self, data: bytes) -> None:
        for start in range(0, len(data), _BUFFER):
            await self._write_part(data[start : start + _BUFFER])

    async def _write_part(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(self._stall):
                await self.response.write(data)
        except TimeoutError as error:
            transport = self._request.transport
            if transport is not None:
                transport.abort()
            raise ClientGoneError("it takes nothing") from error
        except ConnectionError as error:
            raise ClientGoneError("it has gone") from error
