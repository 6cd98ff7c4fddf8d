"""TLS to a PostgreSQL server: who is trusted, and who is not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from storage.postgres import PoolSettings, Postgres
from storage.postgres_tls import secured
from storage.tier import TierError
from tests.certificates import LOOPBACK, Authority, authority
from tests.servers.postgres import Server
from tests.tls_proxy import TlsProxy

STATEMENT = "SELECT position FROM invalidation_state"


@pytest.fixture
def trusted(tmp_path: Path) -> Authority:
    return authority(tmp_path / "trusted")


@pytest.fixture
async def proxy(trusted: Authority, postgres_server: Server) -> AsyncIterator[TlsProxy]:
    async with TlsProxy(postgres_server.port, trusted.server(), postgres=True) as proxy:
        yield proxy


async def rows(url: str, proxy: TlsProxy, query: str) -> int:
    """Ask the database at *url* through *proxy*; return how many rows there were."""
    target = make_url(f"{url}?{query}").set(host=LOOPBACK, port=proxy.port)
    database = Postgres(target, PoolSettings(size=1, overflow=0))
    try:
        return len(await database.rows(STATEMENT))
    finally:
        await database.close()


@pytest.mark.parametrize("name", ["ssl", "sslmode"])
async def test_a_server_whose_authority_is_trusted_is_asked_over_tls(
    trusted: Authority, proxy: TlsProxy, postgres_url: str, name: str
) -> None:
    assert await rows(postgres_url, proxy, f"{name}=verify-full&sslrootcert={trusted.file}") == 1
    assert proxy.secured == 1


async def test_a_server_of_another_authority_is_not_asked(
    tmp_path: Path, proxy: TlsProxy, postgres_url: str
) -> None:
    other = authority(tmp_path / "other").file
    with pytest.raises(TierError, match="certificate verify failed"):
        await rows(postgres_url, proxy, f"ssl=verify-full&sslrootcert={other}")


async def test_what_the_system_trusts_is_not_every_authority(
    proxy: TlsProxy, postgres_url: str
) -> None:
    with pytest.raises(TierError, match="certificate verify failed"):
        await rows(postgres_url, proxy, "ssl=verify-full&sslrootcert=system")


async def test_a_certificate_is_checked_for_the_name_of_the_server_unless_told_not_to_be(
    trusted: Authority, postgres_server: Server, postgres_url: str
) -> None:
    context = trusted.server("another.example")
    async with TlsProxy(postgres_server.port, context, postgres=True) as proxy:
        with pytest.raises(TierError, match="certificate verify failed"):
            await rows(postgres_url, proxy, f"ssl=verify-full&sslrootcert={trusted.file}")
        assert await rows(postgres_url, proxy, f"ssl=verify-ca&sslrootcert={trusted.file}") == 1


async def test_without_a_word_of_tls_it_is_spoken_where_offered_and_nobody_is_checked(
    proxy: TlsProxy, postgres_url: str
) -> None:
    assert await rows(postgres_url, proxy, "") == 1
    assert (proxy.secured, proxy.plain) == (1, 0)


async def test_tls_that_is_required_is_not_done_without(
    trusted: Authority, postgres_server: Server, postgres_url: str
) -> None:
    """The server of the tests' package has none."""
    for query in ("ssl=require", f"ssl=verify-full&sslrootcert={trusted.file}"):
        database = Postgres(make_url(f"{postgres_url}?{query}"), PoolSettings())
        with pytest.raises(TierError, match="SSL"):
            await database.rows(STATEMENT)
        await database.close()


def test_an_authority_that_nobody_is_checked_against_is_refused(trusted: Authority) -> None:
    for query in ("", "ssl=require&", "sslmode=prefer&"):
        url = make_url(f"postgresql://db/x?{query}sslrootcert={trusted.file}")
        with pytest.raises(TierError, match="sslrootcert needs ssl=verify-full"):
            secured(url)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for file in (tmp_path / "none.pem", empty):
        url = make_url(f"postgresql://u:secret@db/x?ssl=verify-full&sslrootcert={file}")
        with pytest.raises(TierError, match=file.name) as caught:
            secured(url)
        assert "secret" not in str(caught.value)
