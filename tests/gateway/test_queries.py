"""How often the database is asked: a bounded number of times, whatever is looked up.

On SQLite a read, and a transaction that writes, are a query each: one turn of a thread. On
PostgreSQL it is every statement that asyncpg sends, each a round trip; none of them is hidden in a
transaction.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import yaml

from gateway.assembly import Gateway, open_gateway
from gateway.config import load_config
from gateway.invalidations import Invalidations
from gateway.lookup import make_lookup
from storage.postgres_link import PostgresLink
from storage.sqlite import Sqlite
from tests.servers.postgres import Server
from tests.stub_upstream import Reply, StubUpstream, source

RECORDS = [{"id": str(n), "name": f"Aspirin {n}", "use": "It eases pain."} for n in range(20)]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts what waits for a database: reads, and transactions that write."""
    counts: Counter[str] = Counter()

    async def idle(_self: Invalidations) -> None:
        """The follower's own looks are no lookup's."""

    def counted(kind: type[Any], name: str, what: str) -> None:
        method = getattr(kind, name)

        def call(self: Any, *arguments: Any) -> Any:
            counts[what] += 1
            return method(self, *arguments)

        monkeypatch.setattr(kind, name, call)

    monkeypatch.setattr(Invalidations, "_follow", idle)
    counted(Sqlite, "read", "query")
    counted(Sqlite, "search", "query")
    counted(Sqlite, "_serve", "query")
    connection = PostgresLink.connection

    def logged(query: asyncpg.connection.LoggedQuery) -> None:
        # What asyncpg asks once of each connection, about its types, is no lookup's.
        counts["query"] += "typeinfo_tree" not in query.query and "'jit'" not in query.query

    @asynccontextmanager
    async def logging(self: PostgresLink) -> AsyncIterator[asyncpg.Connection]:
        async with connection(self) as driver:
            with driver.query_logger(logged):
                yield driver

    monkeypatch.setattr(PostgresLink, "connection", logging)
    return counts


@pytest.fixture(params=["sqlite", "postgresql"])
async def gateway(
    request: pytest.FixtureRequest, tmp_path: Path, asked: Counter[str]
) -> AsyncIterator[Gateway]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'lookup.db'}"
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres_server")
        url = await server.new_database()
    async with StubUpstream(Reply(records=RECORDS)) as upstream:
        summary = {"by": "extractive", "language": "en", "roles": {"purpose": ["use"]}}
        similar = {"threshold": 0.8}
        sources = {"s": source(upstream.url, summary=summary, similar=similar)}
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump({"database": {"url": url}, "sources": sources}))
        async with open_gateway(load_config(path, {})) as opened:
            yield opened


async def _settled(gateway: Gateway, asked: Counter[str]) -> None:
    """Wait until what runs once at the start has run."""
    before, quiet = -1, 0
    while quiet < 5:
        quiet = quiet + 1 if before == asked["query"] else 0
        before = asked["query"]
        await asyncio.sleep(0.1)
    asked.clear()


async def test_a_hit_of_the_database_is_one_query_and_a_miss_three(
    gateway: Gateway, asked: Counter[str]
) -> None:
    await _settled(gateway, asked)
    lookup = make_lookup(gateway.routes["s"], "aspirin")
    assert (await gateway.resolver.resolve(lookup)).outcome == "miss"
    await gateway.refill.queries.settled()
    # Whether the answer is there, whether its summary is, and one write of all that came.
    assert asked["query"] == 3
    assert [each.name for each in await gateway.names.suggest("s", "aspirin 3", 5)]
    assert await gateway.names.resembling(f"?{replace(lookup, text='').key}", "aspirin", 5)
    assert await gateway.tiers.find(lookup.key)
    gateway.tiers.forget_memory()
    asked.clear()
    assert (await gateway.resolver.resolve(lookup)).tier == "database"
    assert asked["query"] == 1
    asked.clear()
    assert (await gateway.resolver.resolve(lookup)).tier == "memory"
    assert asked["query"] == 0


async def test_an_answer_that_is_renewed_is_written_once(
    gateway: Gateway, asked: Counter[str]
) -> None:
    lookup = make_lookup(gateway.routes["s"], "aspirin")
    await gateway.resolver.resolve(lookup)
    await _settled(gateway, asked)
    assert (await gateway.resolver.renew(lookup)).refreshed
    # Its records are what they were, and so its summary is not even looked for.
    assert asked["query"] == 1
