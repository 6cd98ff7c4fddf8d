from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from storage.database import DatabaseTier
from storage.watches import Delivery, Watch, WatchStore

WATCH = Watch("w1", "clinic", "app", "{}", "15m", "UTC", "a note", "news", "", 1.0, due=100.0)
CALL = Delivery("c1", "w1", "https://hooks.example/", "{}", 0, due=100.0)


@pytest.fixture
def store(database: DatabaseTier) -> WatchStore:
    return WatchStore(database.database)


async def test_a_watch_is_its_tenants_alone(store: WatchStore) -> None:
    await store.add(WATCH)
    assert await store.of("clinic") == [WATCH]
    assert await store.of("other") == []
    assert await store.get("w1", "other") is None
    assert (await store.count("clinic"), await store.count("other")) == (1, 0)
    assert not await store.change(replace(WATCH, tenant="other", note="mine"))
    assert not await store.remove("w1", "other")
    assert await store.get("w1", "clinic") == WATCH


async def test_of_replicas_that_ask_at_once_one_has_each_watch_that_is_due(
    store: WatchStore,
) -> None:
    for number in range(4):
        await store.add(replace(WATCH, id=f"w{number}"))
    await store.add(replace(WATCH, id="later", due=101.0))
    claims = await asyncio.gather(*(store.claim(100.0, 160.0, 10) for _ in range(4)))
    assert sorted(watch.id for claim in claims for watch in claim) == ["w0", "w1", "w2", "w3"]
    assert next(watch.id for watch in await store.claim(160.0, 200.0, 10)) == "later"


async def test_what_was_seen_is_kept_unless_the_owner_has_changed_the_watch(
    store: WatchStore,
) -> None:
    await store.add(WATCH)
    seen = replace(WATCH, due=200.0, checked=100.0, digest="d", seen=b"records")
    assert await store.saw(seen, CALL)
    assert await store.get("w1", "clinic") == seen
    assert await store.change(replace(seen, schedule="1h"))
    assert not await store.saw(replace(seen, digest="e"), replace(CALL, id="c2"))
    found = await store.get("w1", "clinic")
    assert found is not None
    assert (found.digest, found.schedule) == ("d", "1h")
    assert [call.id for call in await store.claim_calls(100.0, 160.0, 10)] == ["c1"]


async def test_a_call_is_one_replicas_at_a_time_until_it_was_made(store: WatchStore) -> None:
    await store.add(WATCH)
    await store.saw(WATCH, CALL)
    claims = await asyncio.gather(*(store.claim_calls(100.0, 160.0, 10) for _ in range(4)))
    ((call,),) = [claim for claim in claims if claim]
    assert call == replace(CALL, due=160.0)
    await store.call_later(replace(call, tries=1, due=130.0))
    (call,) = await store.claim_calls(130.0, 190.0, 10)
    assert call.tries == 1
    await store.called(call)
    assert await store.claim_calls(999.0, 1999.0, 10) == []


async def test_with_a_watch_its_calls_go(store: WatchStore) -> None:
    await store.add(WATCH)
    await store.saw(WATCH, CALL)
    assert await store.remove("w1", "clinic")
    assert await store.claim_calls(100.0, 160.0, 10) == []
    assert not await store.saw(WATCH, CALL)
