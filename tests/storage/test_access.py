from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from storage.access import ApiKeyStore, AuditRow, AuditStore, KeyRow, RefreshRow, RefreshStore
from storage.sql import Database
from storage.sqlite import open_sqlite
from storage.tier import TierError

KEY = KeyRow("id", "hash", "acme", "search", None, "", "the app", 100.0)
TOKEN = RefreshRow("hash", "family", "id", "{}", 200.0)


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    database = await open_sqlite(":memory:")
    yield database
    await database.close()


async def test_a_key_is_kept_with_all_that_it_may(database: Database) -> None:
    store = ApiKeyStore(database)
    other = KEY._replace(id="other", sources="medicine", expires=300.0, created=101.0)
    await store.add(KEY)
    await store.add(other)
    assert await store.all() == [KEY, other]


async def test_a_key_is_revoked_once(database: Database) -> None:
    store = ApiKeyStore(database)
    await store.add(KEY)
    assert await store.revoke("id", 150.0)
    assert not await store.revoke("id", 160.0)
    assert not await store.revoke("nobody", 160.0)
    assert (await store.all())[0].revoked == 150.0


async def test_two_keys_of_one_id_cannot_be(database: Database) -> None:
    store = ApiKeyStore(database)
    await store.add(KEY)
    with pytest.raises(TierError):
        await store.add(KEY)


async def test_of_many_who_use_a_refresh_token_at_once_one_is_the_first(database: Database) -> None:
    store = RefreshStore(database)
    await store.add(TOKEN)
    uses = await asyncio.gather(*(store.use("hash") for _ in range(10)))
    assert sorted(first for _, first in filter(None, uses)) == [False] * 9 + [True]
    assert await store.use("unknown") is None


async def test_a_family_ends_whole_and_what_has_expired_goes(database: Database) -> None:
    store = RefreshStore(database)
    for number, family in (("a", "one"), ("b", "one"), ("c", "two")):
        await store.add(replace(TOKEN, hash=number, family=family))
    await store.end("one")
    assert [await store.use(number) is None for number in "abc"] == [True, True, False]
    assert await store.purge(200.0) == 1


async def test_the_audit_tells_the_newest_first(database: Database) -> None:
    store = AuditStore(database)
    rows = [AuditRow(float(at), "acme", "key:1", "invalidate", f"{at}") for at in range(3)]
    for row in rows:
        await store.add(row)
    assert await store.latest(2) == [rows[2], rows[1]]
