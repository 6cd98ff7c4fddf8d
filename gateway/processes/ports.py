"""One port for several processes.

With ``SO_REUSEPORT`` each process gets sockets of its own, and the kernel deals connections out
evenly; what a process has not accepted when it dies is refused, and its clients come again. Where
the platform has no such option that deals out (all but Linux), all processes accept from the same
sockets: whoever is quickest gets the connection, so that the load is less even.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence

BACKLOG = 1024
DEALS_OUT = sys.platform == "linux" and hasattr(socket, "SO_REUSEPORT")
Address = tuple[socket.AddressFamily, tuple[object, ...]]


class PortInUseError(Exception):
    """The port cannot be had; the message says which and why."""


class Port:
    """A port that is held for as long as this lives.

    *deals_out*: whether each process gets sockets of its own.
    """

    def __init__(self, host: str, port: int, *, deals_out: bool = DEALS_OUT) -> None:
        self._deals_out = deals_out
        self._held: list[socket.socket] = []
        self.number = port
        for family, address in _addresses(host, port):
            # A free port that the first address was given is that of the others too.
            self._held.append(self._bound(family, (address[0], self.number, *address[2:])))
            self.number = self._held[0].getsockname()[1]
        self.host = str(self._held[0].getsockname()[0])
        if not deals_out:
            for each in self._held:
                each.listen(BACKLOG)

    def sockets(self) -> Sequence[socket.socket]:
        """Return sockets for one process; its starter closes them once the process has them."""
        if self._deals_out:
            return [self._bound(held.family, held.getsockname()) for held in self._held]
        return [held.dup() for held in self._held]

    def close(self) -> None:
        """Let others have the port."""
        for held in self._held:
            held.close()

    def _bound(self, family: int, address: tuple[object, ...]) -> socket.socket:
        made = socket.socket(family, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._deals_out:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            made.bind(address)
        except OSError as error:
            made.close()
            self.close()
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise PortInUseError(f"cannot listen on {address[0]}:{address[1]}: {reason}") from error
        return made


def _addresses(host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise PortInUseError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return list(dict.fromkeys((each[0], each[4]) for each in found))
