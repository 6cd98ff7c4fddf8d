"""Ports that nobody listens on."""

from __future__ import annotations

import random
import socket

_FIRST, _END = 10_000, 32_768
"""Linux takes the ports of outgoing connections above these: none of them takes one of ours between
two lives of a server, or before its first."""
_chance = random.SystemRandom()  # the other one is seeded anew for each test


def free_port(below: int = _END) -> int:
    """Return a free port of the loopback address, less than *below*."""
    while True:
        port = _chance.randrange(_FIRST, below)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
