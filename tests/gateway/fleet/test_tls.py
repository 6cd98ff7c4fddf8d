"""Gateways whose Redis and PostgreSQL are reached over TLS share and withdraw as any others do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from gateway.assembly import Gateway, open_gateway
from gateway.bulk.jobs import dsn_of
from gateway.config import load_config
from gateway.lookup import SHARED_TENANT, make_lookup
from storage.tier import TierError
from storage.withdrawals import Scope
from tests.certificates import LOOPBACK, authority
from tests.servers.postgres import Server
from tests.servers.valkey import Valkey
from tests.stub_upstream import Reply, StubUpstream, source
from tests.tls_proxy import TlsProxy

UPSTREAM = ""
"""What stands for a tier where none had the answer."""


@dataclass(frozen=True, slots=True)
class Secure:
    """Servers that are reached over TLS alone, and a source."""

    folder: Path
    to_redis: TlsProxy
    to_postgres: TlsProxy
    url: str
    upstream: StubUpstream

    def database(self, trusted: Path) -> str:
        login, _, rest = self.url.partition("@")
        name = rest.partition("/")[2]
        place = f"{LOOPBACK}:{self.to_postgres.port}/{name}"
        return f"{login}@{place}?ssl=verify-full&sslrootcert={trusted}"

    def gateway(self, trusted: str = "trusted") -> Any:
        """Open a gateway that believes the authority called *trusted*."""
        file = self.folder / trusted / "authority.pem"
        document = {
            "redis": {
                "url": f"rediss://{LOOPBACK}:{self.to_redis.port}/0",
                "ca": str(file),
                "prefix": f"{self.folder.name}:",
                "timeout": "20s",
            },
            "database": {"url": self.database(file)},
            "sources": {"s": source(self.upstream.url, summary={"by": "none"})},
        }
        path = self.folder / "config.yaml"
        path.write_text(yaml.safe_dump(document))
        return open_gateway(load_config(path, {}))


@pytest.fixture
async def secure(
    tmp_path: Path, valkey_server: Valkey, postgres_server: Server, postgres_url: str
) -> AsyncIterator[Secure]:
    trusted, _other = authority(tmp_path / "trusted"), authority(tmp_path / "other")
    async with AsyncExitStack() as stack:
        yield Secure(
            tmp_path,
            await stack.enter_async_context(TlsProxy(valkey_server.port, trusted.server())),
            await stack.enter_async_context(
                TlsProxy(postgres_server.port, trusted.server(), postgres=True)
            ),
            postgres_url,
            await stack.enter_async_context(StubUpstream(Reply())),
        )


async def tier_of(gateway: Gateway) -> str:
    return (await gateway.resolver.resolve(make_lookup(gateway.routes["s"], "q"))).tier


async def test_gateways_share_and_withdraw_over_tls(secure: Secure) -> None:
    async with secure.gateway() as one, secure.gateway() as other:
        assert await tier_of(one) == UPSTREAM
        assert await tier_of(other) == "redis"
        await one.invalidations.withdraw(Scope("source", SHARED_TENANT, "s"))
        assert await tier_of(other) == UPSTREAM
    assert secure.to_redis.secured > 0
    assert secure.to_postgres.secured > 0
    assert secure.to_postgres.plain == 0


async def test_a_gateway_does_not_start_with_a_database_that_it_does_not_trust(
    secure: Secure,
) -> None:
    with pytest.raises(TierError, match="certificate verify failed"):
        async with secure.gateway(trusted="other"):
            pass


async def test_workers_trust_the_same_database(secure: Secure) -> None:
    """They reach it through libpq, whose URL says the same in its own words."""
    good, bad = (
        dsn_of(secure.database(secure.folder / name / "authority.pem"))
        for name in ("trusted", "other")
    )
    async with await psycopg.AsyncConnection.connect(good) as connection:
        assert connection.pgconn.ssl_in_use
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        await psycopg.AsyncConnection.connect(bad)
