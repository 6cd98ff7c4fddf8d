from __future__ import annotations

import asyncio

import pytest

from storage.database import DatabaseTier, open_database
from storage.spend import Account, Amounts, SpendStore
from storage.tier import TierError

MONDAY, TUESDAY = "2026-11-23", "2026-11-24"
APP = Account(MONDAY, "app", "medicine", "m")


async def test_what_replicas_add_is_summed_and_there_after_a_restart(url: str) -> None:
    first, second = await open_database(url), await open_database(url)
    await asyncio.gather(
        SpendStore(first.database).add({APP: Amounts(calls=1, spent=150, prompt_tokens=7)}),
        SpendStore(second.database).add({APP: Amounts(calls=2, spent=2**50, saved=3)}),
    )
    await first.close()
    await second.close()
    third = await open_database(url)
    assert await SpendStore(third.database).of_day(MONDAY) == {
        APP: Amounts(calls=3, spent=2**50 + 150, saved=3, prompt_tokens=7)
    }
    await third.close()


async def test_replicas_that_add_to_the_same_rows_at_once_do_not_block_each_other(
    url: str,
) -> None:
    stores = [await open_database(url) for _ in range(3)]
    accounts = [APP._replace(tenant=f"t{number}") for number in range(20)]

    async def add(tier: DatabaseTier, order: list[Account]) -> None:
        for _ in range(5):
            await SpendStore(tier.database).add({account: Amounts(calls=1) for account in order})

    async with asyncio.timeout(20):
        await asyncio.gather(
            add(stores[0], accounts),
            add(stores[1], accounts[::-1]),
            add(stores[2], accounts[10:] + accounts[:10]),
        )
    rows = await SpendStore(stores[0].database).of_day(MONDAY)
    assert rows == {account: Amounts(calls=15) for account in accounts}
    for store in stores:
        await store.close()


async def test_days_tenants_sources_and_models_are_apart(database: DatabaseTier) -> None:
    store = SpendStore(database.database)
    others = {
        APP._replace(tenant="web"): Amounts(wasted=2),
        APP._replace(source="drug-label"): Amounts(spared=3),
        APP._replace(model=""): Amounts(calls=4),
    }
    await store.add({APP: Amounts(unknown=1), **others})
    await store.add({APP._replace(day=TUESDAY): Amounts(calls=5)})
    assert await store.of_day(MONDAY) == {APP: Amounts(unknown=1), **others}
    assert await store.of_day("2026-11-25") == {}


async def test_a_table_that_is_gone_is_a_tier_error(database: DatabaseTier) -> None:
    await database.database.change("DROP TABLE spend")
    store = SpendStore(database.database)
    with pytest.raises(TierError, match="spend"):
        await store.add({APP: Amounts(calls=1)})
    with pytest.raises(TierError, match="spend"):
        await store.of_day(MONDAY)
