"""The fleet of docs/fleet.md: what it tells whoever looks at it."""

from __future__ import annotations

import shlex
import subprocess
import time

import redis

from bench.fleet import Fleet, told
from tests.servers.valkey import valkey

PATIENCE = 30.0


def test_the_lines_that_are_printed_kill_valkey_and_start_it_again() -> None:
    with valkey() as server:
        running = Fleet(["http://127.0.0.1:1"], server, "postgresql://nowhere")
        lines = dict(
            line.strip().split(maxsplit=2)[::2] for line in told(running).splitlines()[2:4]
        )
        assert set(lines) == {"killed", "again"}
        subprocess.run(shlex.split(lines["killed"]), check=True)
        assert server.process is not None
        server.process.wait()
        with subprocess.Popen(shlex.split(lines["again"]), cwd=server.folder) as again:
            try:
                assert _answers(server.port)
            finally:
                again.kill()


def _answers(port: int) -> bool:
    end = time.monotonic() + PATIENCE
    with redis.Redis(port=port, protocol=2) as client:
        while time.monotonic() < end:
            try:
                return bool(client.ping())
            except redis.RedisError:
                time.sleep(0.05)
    return False
