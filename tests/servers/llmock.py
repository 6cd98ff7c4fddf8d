"""An LLM mock that others wrote, on a free port of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port
from tests.waiting import awaited


@contextmanager
def llmock(*options: str) -> Iterator[str]:
    """Run one for the context; yield its URL once it listens."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("llmock")), "serve", "-h", "127.0.0.1"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        [*command, "-p", str(port), *options], stdout=quiet, stderr=quiet
    ) as process:
        try:
            awaited(lambda: _listens(port))
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
