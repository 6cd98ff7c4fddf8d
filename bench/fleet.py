"""PostgreSQL, Valkey and three gateways on this machine, all from packages (docs/fleet.md).

``python -m bench.fleet [--walk]``: prints where they listen and runs until it is interrupted; with
``--walk`` it does what docs/fleet.md walks through, prints what was answered, and ends.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from tests.ports import free_port
from tests.servers.postgres import postgres
from tests.servers.valkey import Valkey, valkey

ROOT = Path(__file__).resolve().parents[1]
GATEWAYS = 3
PATIENCE = 60.0
"""Seconds that the gateways have to begin."""
SHOWN = ("Cache-Status", "Age", "Server-Timing")
QUERY = "타이레놀"


@dataclass(frozen=True, slots=True)
class Fleet:
    """What runs."""

    urls: Sequence[str]
    redis: Valkey
    database: str


@contextmanager
def fleet(folder: Path) -> Iterator[Fleet]:
    """Run all of it for the context."""
    with ExitStack() as stack:
        database = stack.enter_context(postgres()).url().replace("+asyncpg", "")
        redis = stack.enter_context(valkey())
        ports = [free_port() for _ in range(GATEWAYS)]
        for port in ports:
            stack.enter_context(_gateway(port, folder, DATABASE_URL=database, REDIS_URL=redis.url))
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        _ready(urls)
        yield Fleet(urls, redis, database)


@contextmanager
def _gateway(port: int, folder: Path, **environ: str) -> Iterator[None]:
    command = [sys.executable, "-m", "gateway", "serve", "--port", str(port)]
    with (folder / f"gateway-{port}.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **environ}, stdout=log, stderr=log
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def _ready(urls: Sequence[str]) -> None:
    end = time.monotonic() + PATIENCE
    for url in urls:
        while not _answers(f"{url}/readyz"):
            if time.monotonic() > end:
                raise SystemExit(f"{url} does not get ready")
            time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def told(running: Fleet) -> str:
    """Return where everything listens, and how Valkey is killed and started again by hand."""
    redis = running.redis
    assert redis.process is not None
    lines = [
        f"PostgreSQL  {running.database}",
        f"Valkey      {redis.url}",
        f"  killed by   kill -9 {redis.process.pid}",
        f"  again by    {shlex.join(redis.command)}",
        *(f"gateway     {url}" for url in running.urls),
    ]
    return "\n".join(lines)


def walk(running: Fleet) -> None:
    """Look up, withdraw, and kill Redis; print what is answered."""
    one, two, three = running.urls
    search = f"/v1/search?source=medicine&q={quote(QUERY)}&fields=name&limit=1"
    _ask("the first replica fetches", one + search)
    _ask("the second finds it in Redis", two + search)
    _ask("and then in its memory", two + search)
    body = b'{"source": "medicine"}'
    _ask("the third withdraws all of the source", f"{three}/v1/invalidate", body)
    _ask("nobody serves it any more", two + search)
    running.redis.kill()
    _ask("Redis is killed; what the first has not, it has from the database", one + search)
    _ask("a withdrawal holds all the same", f"{one}/v1/invalidate", body)
    _ask("and the second fetches anew", two + search)
    _ask("it is ready, and says what is away", f"{two}/readyz")
    running.redis.start()
    _ask("Redis is there again, empty", f"{three}{search}")


def _ask(what: str, url: str, body: bytes | None = None) -> None:
    sys.stdout.write(f"# {what}\n{'POST' if body else 'GET'} {url} {(body or b'').decode()}\n")
    headers = {"Content-Type": "application/json"} if body else {}
    started = time.perf_counter()
    with urlopen(Request(url, data=body, headers=headers), timeout=30) as response:
        read = response.read().decode()
        took = (time.perf_counter() - started) * 1000
        for name in SHOWN:
            if name in response.headers:
                sys.stdout.write(f"{name}: {response.headers[name]}\n")
        sys.stdout.write(f"{read[:400]}\n({response.status}, {took:.0f} ms)\n\n")


def main(arguments: Sequence[str] = ()) -> int:
    """Run until interrupted, or walk through it once."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__)
    parser.add_argument("--walk", action="store_true", help="do what docs/fleet.md does, and end")
    options = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="lookup-fleet-") as folder,
        fleet(Path(folder)) as running,
    ):
        sys.stdout.write(f"{told(running)}\nlogs        {folder}\n\n")
        sys.stdout.flush()
        if options.walk:
            walk(running)
        else:
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
