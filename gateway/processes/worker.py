"""What a worker process inherits from its supervisor: its number, its sockets, a line to it.

A worker says on the line that it listens. When the line ends, the supervisor is gone, and the
worker stops as if it was told to.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

VARIABLE = "LOOKUP_WORKER"
"""Of the environment: ``number line socket…``, the latter as descriptors."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One of several processes that listen on one port."""

    number: int
    line: socket.socket
    sockets: Sequence[socket.socket]
    """Bound already; whoever listens on them takes its share of the connections."""

    def ready(self) -> None:
        """Tell the supervisor that this worker listens."""
        try:
            self.line.sendall(b"\n")
        except OSError:
            return  # the supervisor is gone, and `watch` tells so

    def watch(self, stop: asyncio.Event) -> None:
        """Set *stop* when the supervisor is gone."""
        loop = asyncio.get_running_loop()
        self.line.setblocking(False)

        def ended() -> None:
            loop.remove_reader(self.line)
            stop.set()

        loop.add_reader(self.line, ended)


def environment(number: int, line: socket.socket, sockets: Sequence[socket.socket]) -> str:
    """Return the value of `VARIABLE` for a process that inherits all of these."""
    return " ".join(map(str, (number, line.fileno(), *(each.fileno() for each in sockets))))


def inherited(environ: Mapping[str, str]) -> Worker | None:
    """Return what this process has inherited; None: it is no worker."""
    value = environ.get(VARIABLE, "")
    if not value:
        return None
    number, line, *sockets = map(int, value.split())
    return Worker(number, socket.socket(fileno=line), [socket.socket(fileno=s) for s in sockets])
