"""Leases between three replicas of one process, over a real server."""

from __future__ import annotations

import asyncio

import pytest

from storage import shared_leases
from storage.leases import NoLeases
from tests.fault_proxy import FaultProxy
from tests.servers.valkey import Valkey
from tests.storage.lease_replicas import (
    Shared,
    noted,
    replica,
    replicas,
    until_ended,
    until_waiting,
)
from tests.waiting import eventually


@pytest.fixture(autouse=True)
def _long_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the end of a work known for as long as a busy machine may take to ask."""
    monkeypatch.setattr(shared_leases, "LINGER", 20.0)


async def test_one_replica_works_and_the_others_have_what_it_made(valkey_server: Valkey) -> None:
    shared = Shared()
    async with asyncio.timeout(30), replicas(valkey_server.url, "one:") as three:
        asked = [asyncio.create_task(shared.ask(each)) for each in three]
        await shared.begun.wait()
        await until_waiting(valkey_server, "one:lease:k")
        shared.gate.set()
        assert await asyncio.gather(*asked) == ["made by call 1"] * 3


async def test_waiting_is_no_polling(valkey_server: Valkey) -> None:
    shared = Shared()
    url = valkey_server.url
    async with asyncio.timeout(30), replicas(url, "calm:", term=60.0, poll=60.0) as three:
        shared.gate.set()
        await shared.ask(three[0], "first")  # the server knows the scripts from here on
        await until_ended(valkey_server, "calm:lease:first")
        shared.gate.clear()
        shared.begun.clear()
        valkey_server.forget_commands()
        asked = [asyncio.create_task(shared.ask(each)) for each in three]
        await shared.begun.wait()
        await eventually(lambda: valkey_server.commands().get("evalsha") == 3)
        await asyncio.sleep(0.3)
        shared.gate.set()
        await asyncio.gather(*asked)
        await until_ended(valkey_server, "calm:lease:k")
        # One to ask for each replica, and one to give back.
        calls = valkey_server.commands()
        assert (calls["evalsha"], calls.get("eval", 0)) == (4, 0)


async def test_who_had_looked_before_the_end_finds_what_was_made(valkey_server: Valkey) -> None:
    shared = Shared()
    shared.gate.set()
    async with asyncio.timeout(30), replicas(valkey_server.url, "late:", 2) as (one, other):
        assert await shared.ask(one) == "made by call 1"
        await until_ended(valkey_server, "late:lease:k")
        assert await shared.ask(other) == "made by call 1"
        assert shared.looks == 1
        shared.made.clear()
        assert await shared.ask(one) == "made by call 2"


async def test_an_earlier_end_that_is_heard_late_has_nobody_do_the_work_again(
    valkey_server: Valkey,
) -> None:
    shared = Shared()
    async with asyncio.timeout(30), replicas(valkey_server.url, "stale:", 2) as (one, other):
        asked = [asyncio.create_task(shared.ask(one))]
        await shared.begun.wait()
        asked.append(asyncio.create_task(shared.ask(other)))
        await until_waiting(valkey_server, "stale:lease:k")
        with valkey_server.client() as client:
            client.publish("stale:leases", "k\n")
        await eventually(lambda: shared.looks)
        shared.gate.set()
        assert await asyncio.gather(*asked) == ["made by call 1"] * 2


async def test_who_waits_for_an_end_that_brings_nothing_has_one_do_the_work(
    valkey_server: Valkey,
) -> None:
    """A lease is given back behind the answer; what that was may be withdrawn by then."""
    shared, name = Shared(), "none:lease:k"
    async with asyncio.timeout(30), replicas(valkey_server.url, "none:") as three:
        with valkey_server.client() as client:
            client.set(name, "+before", px=60_000)
            asked = [asyncio.create_task(shared.ask(each)) for each in three]
            await until_waiting(valkey_server, name)
            await eventually(lambda: all(each._waiting for each in three))
            client.set(name, "-", px=60_000)
            client.publish("none:leases", "k\n")
        await eventually(lambda: shared.looks >= 3)
        shared.gate.set()
        assert await asyncio.gather(*asked) == ["made by call 1"] * 3


async def test_a_failure_is_that_of_all_and_not_repeated(valkey_server: Valkey) -> None:
    shared = Shared()

    async def fail() -> str:
        shared.calls += 1
        shared.begun.set()
        await shared.gate.wait()
        raise RuntimeError("the upstream is down")

    async with asyncio.timeout(30), replicas(valkey_server.url, "fail:") as three:
        asked = [
            asyncio.create_task(each.once("k", fail, shared.look, noted)) for each in three[:2]
        ]
        await shared.begun.wait()
        await until_waiting(valkey_server, "fail:lease:k")
        shared.gate.set()
        for each in asked:
            with pytest.raises(RuntimeError, match="the upstream is down"):
                await each
        await until_ended(valkey_server, "fail:lease:k")
        with pytest.raises(RuntimeError, match="the upstream is down"):
            await three[2].once("k", fail, shared.look, noted)
        assert shared.calls == 1


async def test_an_owner_that_dies_is_succeeded_within_its_term(valkey_server: Valkey) -> None:
    shared = Shared()
    async with asyncio.timeout(30), replica(valkey_server.url, "dies:") as heir:
        with valkey_server.client() as client:  # an owner that renews nothing any more
            client.set("dies:lease:k", "+gone", px=300)
        shared.gate.set()
        assert await shared.ask(heir) == "made by call 1"


async def test_a_lease_is_renewed_while_its_owner_works(valkey_server: Valkey) -> None:
    shared = Shared()
    url = valkey_server.url
    async with asyncio.timeout(30), replicas(url, "long:", 2, term=6.0) as (one, two):
        asked = [asyncio.create_task(shared.ask(one))]
        await shared.begun.wait()
        asked.append(asyncio.create_task(shared.ask(two)))
        await until_waiting(valkey_server, "long:lease:k")
        with valkey_server.client() as client:
            client.pexpire("long:lease:k", 5000)  # what is more than that was renewed
            await eventually(lambda: client.pttl("long:lease:k") > 5000)
        assert shared.calls == 1
        shared.gate.set()
        assert await asyncio.gather(*asked) == ["made by call 1"] * 2


async def test_a_caller_who_leaves_gives_the_lease_back(valkey_server: Valkey) -> None:
    shared = Shared()
    async with asyncio.timeout(30), replicas(valkey_server.url, "leave:", 2) as (one, other):
        leaving = asyncio.create_task(shared.ask(one))
        await shared.begun.wait()
        staying = asyncio.create_task(shared.ask(other))
        await until_waiting(valkey_server, "leave:lease:k")
        leaving.cancel()
        shared.gate.set()
        assert await staying == "made by call 2"


async def test_without_redis_everyone_works(valkey_server: Valkey) -> None:
    async with FaultProxy(valkey_server.port) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}"
        async with asyncio.timeout(30), replica(url, "away:") as one:
            await proxy.refuse()
            shared = Shared()
            shared.gate.set()
            assert await shared.ask(one) == "made by call 1"


async def test_who_waits_goes_on_when_redis_is_lost(valkey_server: Valkey) -> None:
    async with FaultProxy(valkey_server.port) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}"
        async with asyncio.timeout(30), replica(url, "lost:") as one:
            with valkey_server.client() as client:
                client.set("lost:lease:k", "+another", px=60_000)
            shared = Shared()
            shared.gate.set()
            asked = asyncio.create_task(shared.ask(one))
            await until_waiting(valkey_server, "lost:lease:k")
            await proxy.refuse()
            assert await asked == "made by call 1"


async def test_without_other_replicas_there_is_nothing_to_hold() -> None:
    shared = Shared()
    shared.gate.set()
    leases = NoLeases()
    assert await shared.ask(leases) == "made by call 1"
    await leases.close()
