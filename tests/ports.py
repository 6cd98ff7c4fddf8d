"""Ports that nobody listens on."""

from __future__ import annotations

import socket


def free_port(below: int = 65536) -> int:
    """Return a free port of the loopback address, less than *below*."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port < below:
            return port
