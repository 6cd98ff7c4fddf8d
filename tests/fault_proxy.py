"""A TCP proxy that misbehaves on demand: cut, paused, slow, refusing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from tests.ports import free_port
from tests.waiting import until_one_ends


class FaultProxy:
    """Passes bytes between clients on `port` and a server.

    `refuse` closes the port and breaks what is open; `pause` keeps everything open and passes
    nothing; `cut` breaks what is open and takes new connections; `slow` delays each chunk;
    `deafen` loses messages; `mend` ends all of it.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._target = (host, port)
        self.port = free_port()
        self.accepted = 0
        """Connections that were taken so far."""
        self.ended = 0
        """Those of them that are open no more."""
        self.lost = 0
        """Chunks of messages that were not passed on."""
        self._server: asyncio.Server | None = None
        self._pairs: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._passing = asyncio.Event()
        self._passing.set()
        self._delay = 0.0
        self._loses: Callable[[bytes], bool] = _nothing

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()

    async def listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self.cut()

    async def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        pairs = list(self._pairs)
        for pair in pairs:
            pair.cancel()
        await asyncio.gather(*pairs, return_exceptions=True)

    def pause(self) -> None:
        self._passing.clear()

    def slow(self, seconds: float) -> None:
        self._delay = seconds

    def deafen(self, loses: Callable[[bytes], bool]) -> None:
        """Pass everything on, but for chunks that the server sends and *loses* names."""
        self._loses = loses

    async def mend(self) -> None:
        self._delay = 0.0
        self._loses = _nothing
        self._passing.set()
        await self.listen()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._pairs.add(task)
        self._writers.add(writer)
        try:
            await self._pair(reader, writer)
        except asyncio.CancelledError:
            pass  # cut: there is nobody above to be told
        finally:
            self._pairs.discard(task)
            self._writers.discard(writer)
            self.ended += 1
            writer.transport.abort()

    async def _pair(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection(*self._target)
        except OSError:
            return
        self._writers.add(up_writer)
        try:
            await until_one_ends(
                self._pump(reader, up_writer), self._pump(up_reader, writer, answers=True)
            )
        finally:
            self._writers.discard(up_writer)
            up_writer.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool = False
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(1 << 16):
                await self._passing.wait()
                if answers and self._loses(chunk):
                    self.lost += 1
                    continue
                if self._delay:
                    await asyncio.sleep(self._delay)
                writer.write(chunk)
                await writer.drain()


def _nothing(_chunk: bytes) -> bool:
    return False


def redis_message(chunk: bytes) -> bool:
    """Say whether *chunk* is what a subscriber is told, which is alone on its connection."""
    return chunk.startswith(b"*3\r\n$7\r\nmessage\r\n")


def postgres_notice(chunk: bytes) -> bool:
    """Say whether *chunk* is NotificationResponse messages (``A``) and nothing else."""
    at = 0
    while at < len(chunk):
        if chunk[at : at + 1] != b"A":
            return False
        at += 1 + int.from_bytes(chunk[at + 1 : at + 5], "big")
    return at == len(chunk)
