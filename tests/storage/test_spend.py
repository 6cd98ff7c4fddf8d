from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from storage.spend import Account, Amounts, SpendStore
from storage.sqlite import open_sqlite
from storage.tier import TierError

MONDAY, TUESDAY = "2026-11-23", "2026-11-24"
APP = Account(MONDAY, "app", "medicine", "m")


async def test_what_replicas_add_is_summed_and_there_after_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "lookup.db")
    first, second = await open_sqlite(path), await open_sqlite(path)
    await asyncio.gather(
        SpendStore(first).add({APP: Amounts(calls=1, spent=150, prompt_tokens=7)}),
        SpendStore(second).add({APP: Amounts(calls=2, spent=2**50, saved=3)}),
    )
    await first.close()
    await second.close()
    database = await open_sqlite(path)
    assert await SpendStore(database).of_day(MONDAY) == {
        APP: Amounts(calls=3, spent=2**50 + 150, saved=3, prompt_tokens=7)
    }
    await database.close()


async def test_days_tenants_sources_and_models_are_apart() -> None:
    database = await open_sqlite(":memory:")
    store = SpendStore(database)
    others = {
        APP._replace(tenant="web"): Amounts(wasted=2),
        APP._replace(source="drug-label"): Amounts(spared=3),
        APP._replace(model=""): Amounts(calls=4),
    }
    await store.add({APP: Amounts(unknown=1), **others})
    await store.add({APP._replace(day=TUESDAY): Amounts(calls=5)})
    assert await store.of_day(MONDAY) == {APP: Amounts(unknown=1), **others}
    assert await store.of_day("2026-11-25") == {}
    await database.close()


async def test_a_table_that_is_gone_is_a_tier_error() -> None:
    database = await open_sqlite(":memory:")
    await database.write(lambda connection: connection.execute("DROP TABLE spend"))
    store = SpendStore(database)
    with pytest.raises(TierError, match="spend"):
        await store.add({APP: Amounts(calls=1)})
    with pytest.raises(TierError, match="spend"):
        await store.of_day(MONDAY)
    await database.close()
