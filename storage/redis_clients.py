"""Where Redis is and how it is reached: one server, a Cluster, or whom Sentinels name.

redis-py waits 5 s and tries ten times by default: a frozen server would hold a lookup for half
a minute. The clients made here try once and wait as long as their maker says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import SplitResult, unquote, urlsplit

from redis.asyncio import Redis, RedisCluster, Sentinel
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError

Client = Redis | RedisCluster

FAULTS = (RedisError, RedisClusterException, OSError, TimeoutError)
"""What the clients raise; Python's own TimeoutError when a caller's time is over."""

CONNECTIONS = 16
"""To one server, at most: commands are coalesced, so that hardly more than two are in use."""
_SCHEME = re.compile(r"(redis|rediss)(?:\+(cluster|sentinel))?")
_EXAMPLES = "redis://host:6379/0, redis+cluster://host1,host2 or redis+sentinel://host1,host2/name"


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """A parsed URL. *hosts* are those of the server, of some of a Cluster, or of Sentinels."""

    kind: Literal["single", "cluster", "sentinel"]
    hosts: tuple[tuple[str, int], ...]
    tls: bool = False
    username: str | None = None
    password: str | None = None
    database: int = 0
    service: str = ""
    """The name by which Sentinels know the server."""


def parse_address(url: str) -> RedisAddress:
    """Read a ``redis`` or ``rediss`` URL; raise ValueError that shows no password."""
    scheme, _, rest = url.partition("://")
    match = _SCHEME.fullmatch(scheme)
    if match is None:
        raise ValueError(f"the URL's scheme is none of those of {_EXAMPLES}")
    parts = urlsplit(f"//{rest}")
    kind: Literal["single", "cluster", "sentinel"]
    kind = "cluster" if match[2] == "cluster" else "sentinel" if match[2] else "single"
    user, _, hosts = parts.netloc.rpartition("@")
    username, _, password = user.partition(":")
    service, database = _path(kind, parts)
    default = 26379 if kind == "sentinel" else 6379
    return RedisAddress(
        kind,
        tuple(_host(host, default) for host in hosts.split(",")),
        tls=match[1] == "rediss",
        username=unquote(username) or None,
        password=unquote(password) or None,
        database=database,
        service=service,
    )


def make_client(
    address: RedisAddress,
    *,
    timeout: float,
    ca: str = "",
    sentinel_password: str = "",
    connections: int = CONNECTIONS,
) -> Client:
    """Return a client, not connected yet, that waits *timeout* seconds and tries once.

    *ca* is the file of a certificate authority for TLS; empty: those of the system.
    """
    options: dict[str, Any] = {
        "username": address.username,
        "password": address.password,
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
        # Nothing needs RESP3, and its greeting would be one more round trip to connect.
        "protocol": 2,
        "driver_info": None,
        "max_connections": connections,
    }
    if address.tls:
        options |= {"ssl": True} | ({"ssl_ca_certs": ca} if ca else {})
    if address.kind == "cluster":
        nodes = [ClusterNode(host, port) for host, port in address.hosts]
        return RedisCluster(startup_nodes=nodes, **options)
    options["db"] = address.database
    if address.kind == "single":
        (host, port), *_ = address.hosts
        return Redis(host=host, port=port, **options)
    greeting = {
        **{name: options[name] for name in ("socket_timeout", "socket_connect_timeout", "retry")},
        "protocol": 2,
        "driver_info": None,
        "password": sentinel_password or None,
    }
    make: Any = Sentinel  # its constructor has no types
    sentinel = make(list(address.hosts), sentinel_kwargs=greeting, **options)
    client: Redis = sentinel.master_for(address.service, redis_class=_OfSentinel)
    return client


class _OfSentinel(Redis):
    """A client that closes its connections to the Sentinels along with its own."""

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        await super().aclose(close_connection_pool)
        await self.connection_pool.sentinel_manager.aclose()  # type: ignore[attr-defined]


def _path(kind: str, parts: SplitResult) -> tuple[str, int]:
    """Return the service and the database that the path of a URL names."""
    steps = parts.path.strip("/").split("/") if parts.path.strip("/") else []
    service = ""
    if kind == "sentinel":
        if not steps:
            raise ValueError("the URL names no service: redis+sentinel://host1,host2/name")
        service = unquote(steps.pop(0))
    if kind == "cluster" and steps:
        raise ValueError("a Cluster has no databases: the URL ends after its hosts")
    if not steps:
        return service, 0
    if len(steps) > 1 or not steps[0].isdecimal():
        raise ValueError("the URL's database is a number, as in redis://host:6379/0")
    return service, int(steps[0])


def _host(text: str, default: int) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        name, port = parts.hostname, parts.port or default
    except ValueError:
        name, port = None, default
    if not name:
        raise ValueError(f"the URL has a host that is none: {_EXAMPLES}")
    return name, port
