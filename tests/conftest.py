"""What every test needs."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Iterator

import pytest

from gateway.web.descriptors import allow_many_connections
from tests.servers.postgres import Server, postgres
from tests.servers.valkey import Valkey, valkey
from tests.stub_upstream import StubUpstream

# A thousand callers in one process are two thousand sockets; 1,024 is the usual soft limit.
allow_many_connections()


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Valkey]:
    """A Valkey that tests share, each with a prefix of its own, and do not disturb."""
    with valkey() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL server that tests share, each with a database of its own."""
    with postgres() as server:
        yield server


@pytest.fixture
async def postgres_url(postgres_server: Server) -> AsyncIterator[str]:
    """The URL of a database with empty tables."""
    url = await postgres_server.new_database()
    yield url
    await postgres_server.drop_database(url)


@pytest.fixture
async def upstream() -> AsyncIterator[StubUpstream]:
    """An upstream that is really asked."""
    async with StubUpstream() as stub:
        yield stub


@pytest.fixture
def collector() -> Iterator[None]:
    """The garbage collector, which a test may change, and which is as before afterwards."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()
