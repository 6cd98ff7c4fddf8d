"""The ``database:`` section: where entries, names and the log of invalidations are."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec

from adapters.sources.units import Duration, Spec, seconds

_URL = re.compile(r"(\w+)(\+\w+)?://")
_SERVED = ("sqlite", "postgresql", "postgres")
_PASSWORD = re.compile(r"[^/]+//[^/@:]*:([^/]*)@")
Connections = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Spare = Annotated[int, msgspec.Meta(ge=0, le=1000)]


class PoolSection(Spec, frozen=True, kw_only=True):
    """Connections to PostgreSQL; SQLite has none. ``docs/databases.md`` says how many."""

    size: Connections = 5
    """So many are kept open, to each server."""
    overflow: Spare = 5
    """Further ones while many are wanted at once."""
    wait: Duration = seconds(5)
    """For a connection while all are in use."""
    connect: Duration = seconds(10)
    """For a new connection."""
    statement: Duration = seconds(30)
    """For one statement; the server ends it then."""
    recycle: Duration = seconds(600)
    """An older connection is replaced when it is next asked for."""
    silence: Duration = seconds(4)
    """A server that says nothing for so long, not even to a new connection, is away: all that waits
    for it goes on without it, and nothing is asked of it until it answers again."""


class DatabaseSection(Spec, frozen=True, kw_only=True):
    """The database tier."""

    url: str = "sqlite+aiosqlite:///lookup.db"
    """SQLAlchemy URL: ``sqlite+aiosqlite:///file`` (a relative path is relative to the working
    directory) or ``postgresql+asyncpg://user:password@host/name``."""
    replicas: tuple[str, ...] = ()
    """URLs of streaming replicas of a PostgreSQL server; reads go to them."""
    read: Literal["sequential", "hedged", "race"] = "sequential"
    """With Redis: ``hedged`` asks the database as well when Redis takes longer than 95 of 100 of
    its last answers did, ``race`` asks both at once; the first that has the answer is taken."""
    write: Literal["through", "behind"] = "through"
    """With Redis: ``behind`` answers when Redis has an entry, and writes it to the database a
    moment later, in batches. ``docs/durability.md`` says what can be lost."""
    pool: PoolSection = msgspec.field(default_factory=PoolSection)
    """Connections to each PostgreSQL server."""

    leases: bool = False
    """Without Redis: have one replica fetch what several want, by a row of the database; three
    statements more for each fetch."""

    def __post_init__(self) -> None:
        for url in (self.url, *self.replicas):
            _check(url)
        if self.replicas and not self.url.startswith("postgres"):
            raise ValueError("replicas are of a PostgreSQL server, and the url names none")

    @property
    def password(self) -> str:
        """The password in the URL, as it is written there; empty without one."""
        return _password(self.url)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every password that it holds."""
        return tuple(filter(None, map(_password, (self.url, *self.replicas))))


def _check(url: str) -> None:
    """Raise ValueError unless *url* is one of a database that is served; it tells no password."""
    scheme = _URL.match(url)
    if scheme is None:
        raise ValueError(f"{url} is no URL such as sqlite+aiosqlite:///lookup.db")
    if scheme[1] not in _SERVED:
        wanted = "sqlite+aiosqlite:///file or postgresql+asyncpg://user:password@host/name"
        raise ValueError(f"the url's {scheme[1]} is not supported: write {wanted}")
    server = re.split("[/?#]", url.partition("//")[2], maxsplit=1)[0]
    port = server.rpartition("@")[2].rpartition("]")[2].partition(":")[2]
    if port and not port.isdecimal():
        hint = "a password is written percent-encoded, as / is %2F"
        raise ValueError(f"the url's port is no number; {hint}")


def _password(url: str) -> str:
    found = _PASSWORD.match(url)
    return found[1] if found else ""
