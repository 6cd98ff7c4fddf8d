"""What every test needs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.web.descriptors import allow_many_connections
from tests.servers.valkey import Valkey, valkey

# A thousand callers in one process are two thousand sockets; 1,024 is the usual soft limit.
allow_many_connections()


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Valkey]:
    """A Valkey that tests share, each with a prefix of its own, and do not disturb."""
    with valkey() as server:
        yield server
