"""Where Redis is: the URL of one server, of a Cluster, or of Sentinels, read without a client."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

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
