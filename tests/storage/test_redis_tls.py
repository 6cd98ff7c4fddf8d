"""TLS to Redis: one server, a Cluster, Sentinels; who is trusted, and who is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from storage.redis import RedisTier, make_redis
from storage.redis_address import parse_address
from storage.redis_channels import RedisChannels
from storage.redis_clients import make_client
from storage.redis_link import RedisLink
from storage.tier import TierAwayError
from tests.certificates import Authority, authority
from tests.servers.valkey import SERVICE, Valkey, valkey_cluster, valkey_sentinel
from tests.storage.entries import make_entry
from tests.tls_proxy import TlsProxy
from tests.waiting import eventually

PATIENT = 20.0
ENTRY = make_entry("k", b"1", keep_until=4e9)


@pytest.fixture
def trusted(tmp_path: Path) -> Authority:
    return authority(tmp_path / "trusted")


@pytest.fixture
async def proxy(trusted: Authority, valkey_server: Valkey) -> AsyncIterator[TlsProxy]:
    async with TlsProxy(valkey_server.port, trusted.server()) as proxy:
        yield proxy


async def kept(url: str, ca: Path | str) -> bool:
    """Say whether the Redis at *url* has an entry that it was given just before."""
    tier = make_redis(url, prefix="tls:", timeout=PATIENT, on_change=lambda *_: None, ca=str(ca))
    try:
        await tier.put(ENTRY)
        return await tier.get(ENTRY.key) == ENTRY
    finally:
        await tier.close()


async def test_a_server_whose_authority_is_trusted_is_asked_over_tls(
    trusted: Authority, proxy: TlsProxy
) -> None:
    assert await kept(f"rediss://127.0.0.1:{proxy.port}/0", trusted.file)
    assert proxy.secured > 0


async def test_a_server_of_another_authority_is_away(tmp_path: Path, proxy: TlsProxy) -> None:
    other = authority(tmp_path / "other").file
    for ca in (other, ""):  # those of the system do not know it either
        with pytest.raises(TierAwayError, match="certificate verify failed"):
            await kept(f"rediss://127.0.0.1:{proxy.port}/0", ca)


async def test_a_certificate_of_another_name_is_refused(
    trusted: Authority, valkey_server: Valkey
) -> None:
    async with TlsProxy(valkey_server.port, trusted.server("another.example")) as proxy:
        with pytest.raises(TierAwayError, match="certificate verify failed"):
            await kept(f"rediss://127.0.0.1:{proxy.port}/0", trusted.file)


async def test_messages_are_heard_over_tls(trusted: Authority, proxy: TlsProxy) -> None:
    address = parse_address(f"rediss://127.0.0.1:{proxy.port}/0")

    def client() -> Any:
        return make_client(address, timeout=PATIENT, ca=str(trusted.file))

    link = RedisLink(client(), PATIENT, lambda *_: None)
    channels, heard = RedisChannels(client(), link, "tls:"), asyncio.Queue[bytes]()
    channels.subscribe("c", heard.put_nowait)
    async with asyncio.timeout(PATIENT), channels.running():
        await channels.listening.wait()
        channels.publish("c", b"news")
        assert await heard.get() == b"news"
    await link.close()
    assert proxy.secured >= 2


async def test_every_server_of_a_cluster_is_asked_over_tls(trusted: Authority) -> None:
    with valkey_cluster() as servers:
        async with AsyncExitStack() as stack:
            proxies = [
                await stack.enter_async_context(TlsProxy(server.port, trusted.server()))
                for server in servers
            ]
            await announced(servers, proxies)
            url = f"rediss+cluster://127.0.0.1:{proxies[0].port}"
            tier = make_redis(
                url, prefix="t:", timeout=PATIENT, on_change=lambda *_: None, ca=str(trusted.file)
            )
            await many_kept(tier)
            await tier.close()
    assert all(proxy.secured > 0 for proxy in proxies)


async def announced(servers: list[Valkey], proxies: list[TlsProxy]) -> None:
    """Have every server of a Cluster name the ports of *proxies* to its clients."""
    for server, proxy in zip(servers, proxies, strict=True):
        with server.client() as client:
            client.config_set("cluster-announce-port", proxy.port)
            client.config_set("cluster-announce-bus-port", server.port + 10_000)

    def known() -> bool:
        ports = {proxy.port for proxy in proxies}
        for server in servers:
            with server.client() as client:
                ask: Any = client.execute_command
                if {slots[2][1] for slots in ask("CLUSTER SLOTS")} != ports:
                    return False
        return True

    await eventually(known)


async def many_kept(tier: RedisTier) -> None:
    entries = [make_entry(f"k{number}", b"1", keep_until=4e9) for number in range(50)]
    await asyncio.gather(*map(tier.put, entries))
    assert await asyncio.gather(*(tier.get(entry.key) for entry in entries)) == entries


async def test_sentinels_are_asked_over_tls(trusted: Authority) -> None:
    with valkey_sentinel() as ((primary, _), sentinels):
        async with TlsProxy(sentinels[0].port, trusted.server()) as proxy:
            address = parse_address(f"rediss+sentinel://127.0.0.1:{proxy.port}/{SERVICE}")
            client: Any = make_client(address, timeout=PATIENT, ca=str(trusted.file))
            assert await client.connection_pool.get_master_address() == ("127.0.0.1", primary.port)
            await client.aclose()
            assert proxy.secured > 0
