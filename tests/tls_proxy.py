"""Speaks TLS for servers of the tests, whose packages are built without it."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from typing import Self

from tests.waiting import until_one_ends

_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
"""How a client of PostgreSQL asks for TLS (protocol 3.0, SSLRequest)."""


class TlsProxy:
    """Takes TLS on `port`, as *context* says, and passes on what was said to the server at *to*.

    With *postgres* a client asks for TLS first, as that protocol wants; who does not is sent away.
    """

    def __init__(self, to: int, context: ssl.SSLContext, *, postgres: bool = False) -> None:
        self._to = to
        self._context = context
        self._postgres = postgres
        self.port = 0
        self.secured = 0
        """Connections whose TLS has come about."""
        self.plain = 0
        """Connections that asked for none."""
        self._server: asyncio.Server | None = None
        self._pairs: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        context = None if self._postgres else self._context
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=context)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for pair in self._pairs:
            pair.cancel()
        await asyncio.gather(*self._pairs, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pairs.add(task)
        try:
            if await self._agreed(reader, writer):
                self.secured += 1
                await self._passed(reader, writer)
        except (asyncio.CancelledError, OSError, EOFError):
            pass  # the end of a test, or a client that does not trust
        finally:
            self._pairs.discard(task)
            writer.transport.abort()

    async def _agreed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if not self._postgres:
            return True
        if await reader.readexactly(len(_SSL_REQUEST)) != _SSL_REQUEST:
            self.plain += 1
            return False
        writer.write(b"S")
        await writer.start_tls(self._context)
        return True

    async def _passed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._to)
        try:
            await until_one_ends(_pump(reader, up_writer), _pump(up_reader, writer))
        finally:
            up_writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(1 << 16):
            writer.write(chunk)
            await writer.drain()
