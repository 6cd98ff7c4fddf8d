"""Serving until told to stop: open the gateway, listen, finish what is in flight, close."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import structlog
from aiohttp import web

from gateway.assembly import Gateway, open_gateway
from gateway.beside import beside
from gateway.collection import Collector, settle
from gateway.config import Config
from gateway.config.sections import ServerSection
from gateway.logs import logged
from gateway.processes.ports import BACKLOG
from gateway.processes.worker import Worker
from gateway.warming import warming_on_start
from gateway.web.descriptors import allow_many_connections
from gateway.web.plain_connection import connections_of
from storage.tier import TierError

ADMIN: Final = web.AppKey("admin", web.Application)
"""Of an application: the one that answers operators on a port of their own."""
DRAIN = 35.0
"""Seconds that requests in flight have to end after a signal: a caller's own 30 and a few more."""
_log = structlog.get_logger(__name__)


class CannotListenError(Exception):
    """The address cannot be had; the message says which and why."""


@asynccontextmanager
async def listening(
    app: web.Application, host: str, port: int, sockets: Sequence[socket.socket] = ()
) -> AsyncIterator[tuple[str, int]]:
    """Serve *app* within the context; yield the address, with the real port where 0 was asked.

    *sockets*, where there are any, are bound to it already. On leaving, no more connections are
    taken, idle ones are closed, and what is being answered is answered. Raise `CannotListenError`.
    """
    connect = connections_of(app)
    runner = web.AppRunner(app, shutdown_timeout=DRAIN)
    await runner.setup()
    try:
        server = runner.server
        assert server is not None
        try:
            listeners = await _listen(lambda: connect(server), host, port, sockets)
        except OSError as error:
            reason = error.strerror or str(error)
            raise CannotListenError(f"cannot listen on {host}:{port}: {reason}") from error
        try:
            address = listeners[0].sockets[0].getsockname()
            yield str(address[0]), int(address[1])
        finally:
            for listener in listeners:
                listener.close()
    finally:
        await runner.cleanup()


async def _listen(
    factory: Callable[[], asyncio.Protocol], host: str, port: int, sockets: Sequence[socket.socket]
) -> list[asyncio.Server]:
    loop = asyncio.get_running_loop()
    if not sockets:
        return [await loop.create_server(factory, host, port, backlog=BACKLOG)]
    return [await loop.create_server(factory, sock=each, backlog=BACKLOG) for each in sockets]


async def run(
    config: Config, make: Callable[[Gateway], web.Application], worker: Worker | None = None
) -> int:
    """Serve what *make* makes until SIGTERM or SIGINT; return 0, or 1 when it could not begin.

    A *worker* also stops when its supervisor is gone. A second signal ends the process at once.
    """
    allow_many_connections()
    stop = _stop_on_signals()
    sockets: Sequence[socket.socket] = ()
    if worker is not None:
        worker.watch(stop)
        sockets = worker.sockets
    try:
        async with (
            open_gateway(config, events=logged(time.monotonic)) as gateway,
            _both(make(gateway), config.server, sockets) as urls,
            warming_on_start(gateway),
            gateway.bulk.running(),
            beside(collector=Collector().running()),
        ):
            settle()
            _log.info("server.listening", **urls)
            if worker is not None:
                worker.ready()
            await stop.wait()
            _log.info("server.stopping", flights=gateway.flights.count)
    except (CannotListenError, TierError) as error:
        _log.error("server.failed", reason=str(error))
        return 1
    _log.info("server.stopped")
    return 0


@asynccontextmanager
async def _both(
    app: web.Application, config: ServerSection, sockets: Sequence[socket.socket]
) -> AsyncIterator[dict[str, str]]:
    """Serve *app*, and what it holds for operators where there is an address for that."""
    async with AsyncExitStack() as stack:
        at = await stack.enter_async_context(listening(app, config.host, config.port, sockets))
        urls = {"url": _url(at)}
        if config.admin is not None:
            admin = listening(app[ADMIN], config.admin.host, config.admin.port)
            urls["admin"] = _url(await stack.enter_async_context(admin))
        yield urls


def _stop_on_signals() -> asyncio.Event:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def heed() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, heed)
    return stop


def _url(at: tuple[str, int]) -> str:
    host, port = at
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
