"""One port for several processes: each gets connections, and nobody else gets the port."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.processes.ports import DEALS_OUT, Port, PortInUseError
from tests.ports import free_port


@contextmanager
def held(*, deals_out: bool = DEALS_OUT) -> Iterator[Port]:
    port = Port("127.0.0.1", 0, deals_out=deals_out)
    try:
        yield port
    finally:
        port.close()


@pytest.mark.parametrize("deals_out", [DEALS_OUT, False])
def test_every_process_listens_on_the_one_port_that_was_free(deals_out: bool) -> None:
    with held(deals_out=deals_out) as port:
        shares = [port.sockets() for _ in range(3)]
        assert port.number > 0
        for (share,) in shares:
            share.listen()
            assert share.getsockname() == ("127.0.0.1", port.number)
            share.setblocking(False)
        clients = [socket.create_connection(("127.0.0.1", port.number)) for _ in range(40)]
        accepted = [_accept(share) for (share,) in shares]
        assert sum(accepted) == 40
        if deals_out:
            assert min(accepted) > 0
        for each in (*clients, *(share for (share,) in shares)):
            each.close()


def _accept(listener: socket.socket) -> int:
    count = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


def test_a_port_that_another_has_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        number = other.getsockname()[1]
        with pytest.raises(PortInUseError, match=f"127.0.0.1:{number}: .*in use"):
            Port("127.0.0.1", number)


def test_a_host_that_is_none_is_named() -> None:
    with pytest.raises(PortInUseError, match="no host"):
        Port("no host", free_port())
