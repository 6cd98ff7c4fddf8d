"""What becomes of leases in Redis when something is lost: a message, a link, an owner."""

from __future__ import annotations

import asyncio

from storage.leases import Note
from tests.servers.valkey import Valkey
from tests.storage.lease_replicas import Shared, noted, replica, until_waiting


async def test_who_waits_asks_again_when_its_link_or_its_messages_are_lost(
    valkey_server: Valkey,
) -> None:
    url, name = valkey_server.url, "gap:lease:k"
    async with asyncio.timeout(60), replica(url, "gap:", poll=600.0) as one:
        shared = Shared()
        shared.gate.set()
        with valkey_server.client() as client:
            client.set(name, "+another", px=600_000)
            asked = asyncio.create_task(shared.ask(one))
            await until_waiting(valkey_server, name)
            client.delete(name)
            client.client_kill_filter(_type="pubsub")
            assert await asked == "made by call 1"
            client.set(name, "+another", px=600_000)
            asked = asyncio.create_task(shared.ask(one))
            await until_waiting(valkey_server, name)
            one._link._lose("it is gone")
            assert await asked == "made by call 2"


async def test_who_was_taken_for_gone_neither_renews_nor_ends_the_lease_of_another(
    valkey_server: Valkey,
) -> None:
    async with asyncio.timeout(30), replica(valkey_server.url, "heir:") as one:
        assert (await one._acquire("k", "gone", insist=False)).ours
        with valkey_server.client() as client:
            client.set("heir:lease:k", "+heir", px=600_000)
            await one._renew("k", "gone")
            await one._give_back("k", "gone", Note(), 5.0)
            assert client.get("heir:lease:k") == b"+heir"
            assert client.pttl("heir:lease:k") > 60_000


async def test_a_note_that_says_nothing_to_who_asks_has_them_do_the_work(
    valkey_server: Valkey,
) -> None:
    async def look(_note: str) -> str | None:
        return None

    shared = Shared()
    shared.gate.set()
    async with asyncio.timeout(30), replica(valkey_server.url, "foreign:") as one:
        with valkey_server.client() as client:
            client.set("foreign:lease:k", "-of another version", px=600_000)
        assert await one.once("k", shared.work, look, noted) == "made by call 1"


async def test_however_often_it_is_waited_for_a_lease_is_marked_once(valkey_server: Valkey) -> None:
    async with asyncio.timeout(30), replica(valkey_server.url, "mark:") as one:
        with valkey_server.client() as client:
            client.set("mark:lease:k", "+owner", px=600_000)
            for _ in range(3):
                assert not (await one._acquire("k", "other", insist=False)).ours
            assert client.get("mark:lease:k") == b"+owner!"
