"""Several processes that serve one port, and one that starts them anew when they die.

Each is ``python -m gateway serve`` with what `gateway.processes.worker` says it inherits; they
agree by what replicas on other machines agree by as well: the log in the database, and Redis where
it is.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress

import structlog

from gateway.processes.ports import Port
from gateway.processes.worker import VARIABLE, environment

FIRST_REST, LONGEST_REST = 0.5, 30.0
"""Seconds before a worker that has died is started anew: at first, and when it dies again soon."""
STEADY = 30.0
"""A worker that has lived so long has nothing to do with its last death."""
FORWARDED = (signal.SIGTERM, signal.SIGINT)
_log = structlog.get_logger(__name__)


class Supervisor:
    """Keeps *count* processes of *command* on *port*; those that do not stop *within* are ended."""

    def __init__(self, command: Sequence[str], port: Port, count: int, *, within: float) -> None:
        self._command = command
        self._port = port
        self._count = count
        self._within = within
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        self._stopping = asyncio.Event()
        self._listening: set[int] = set()
        self._began = False
        self._code = 0

    async def run(self) -> int:
        """Serve until a signal comes; return 0, or the code of a worker that could not begin.

        A second signal ends the workers at once.
        """
        loop = asyncio.get_running_loop()
        for number in FORWARDED:
            loop.add_signal_handler(number, self._signal, number)
        _log.info("supervisor.started", workers=self._count, port=self._port.number)
        keepers = [asyncio.create_task(self._keep(each)) for each in range(1, self._count + 1)]
        await self._stopping.wait()
        _, late = await asyncio.wait(keepers, timeout=self._within)
        if late:
            _log.warning("supervisor.workers_killed", workers=len(late))
            self._send(signal.SIGKILL)
            await asyncio.wait(late)
        for number in FORWARDED:
            loop.remove_signal_handler(number)
        _log.info("supervisor.stopped")
        return self._code

    def _signal(self, number: signal.Signals) -> None:
        self._stopping.set()
        self._send(number)

    def _send(self, number: signal.Signals) -> None:
        for process in self._processes.values():
            with suppress(ProcessLookupError):
                process.send_signal(number)

    async def _keep(self, number: int) -> None:
        """Have worker *number* run until all of them are to stop."""
        loop, rest = asyncio.get_running_loop(), FIRST_REST
        while not self._stopping.is_set():
            started = loop.time()
            code = await self._live(number)
            if self._stopping.is_set():
                return
            if not self._began:
                # None of them has ever listened: what is wrong does not pass by trying again.
                self._code = code if code > 0 else 1
                self._signal(signal.SIGTERM)
                return
            rest = FIRST_REST if loop.time() - started > STEADY else min(rest * 2, LONGEST_REST)
            _log.error("worker.died", worker=number, code=code, again_in=rest)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), rest)

    async def _live(self, number: int) -> int:
        """Start a process and return its code when it has ended."""
        ours, theirs = socket.socketpair()
        sockets = self._port.sockets()
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                env={**os.environ, VARIABLE: environment(number, theirs, sockets)},
                pass_fds=[theirs.fileno(), *(each.fileno() for each in sockets)],
                # An interrupt at the terminal comes to the supervisor alone, which forwards it.
                start_new_session=True,
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
            for each in sockets:
                each.close()
        self._processes[number] = process
        if self._stopping.is_set():  # it was told while this one was being started
            self._send(signal.SIGTERM)
        listening = asyncio.create_task(self._hear(number, ours))
        try:
            return await process.wait()
        finally:
            listening.cancel()
            ours.close()
            self._listening.discard(number)
            del self._processes[number]

    async def _hear(self, number: int, line: socket.socket) -> None:
        """Note that worker *number* listens."""
        line.setblocking(False)
        if not await asyncio.get_running_loop().sock_recv(line, 1):
            return
        self._began = True
        self._listening.add(number)
        if len(self._listening) == self._count:
            _log.info("supervisor.listening", workers=self._count, port=self._port.number)


async def supervise(command: Sequence[str], port: Port, count: int, *, within: float) -> int:
    """Serve *port* with *count* processes of *command*; return the exit code."""
    try:
        return await Supervisor(command, port, count, within=within).run()
    finally:
        port.close()
