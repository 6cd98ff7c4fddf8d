from __future__ import annotations

import asyncio

import pytest

from storage import popularity
from storage.database import DatabaseTier, open_database
from storage.popularity import HALF_LIFE, PopularityStore, PopularRow, weight_at

NOW = 1_800_000_000.0


def row(
    key: str, lookups: float, at: float = NOW, *, tenant: str = "app", source: str = "medicine"
) -> PopularRow:
    return PopularRow(key, tenant, source, f'{{"text":"{key}"}}', lookups * weight_at(at), at)


async def names(store: PopularityStore, limit: int = 10, **chosen: str) -> list[str]:
    await store.refresh()
    return [each.key for each in await store.top(limit, **chosen)]


async def test_what_replicas_count_is_summed_and_ranked(url: str) -> None:
    first, second = await open_database(url), await open_database(url)
    await asyncio.gather(
        PopularityStore(first.database).add([row("a", 3), row("b", 4), row("c", 1)]),
        PopularityStore(second.database).add([row("c", 1), row("b", 4), row("a", 6, NOW + 5)]),
    )
    store = PopularityStore(second.database)
    assert await names(store, 2) == ["a", "b"]
    best = (await store.top(1))[0]
    assert best.lookups(NOW) == pytest.approx(9, rel=1e-4)
    assert best.lookup == '{"text":"a"}'
    await first.close()
    await second.close()


async def test_a_lookup_of_a_half_life_ago_counts_half(database: DatabaseTier) -> None:
    store = PopularityStore(database.database)
    await store.add([row("old", 10, NOW - HALF_LIFE), row("new", 6)])
    assert await names(store) == ["new", "old"]
    assert (await store.top(2))[1].lookups(NOW) == pytest.approx(5)


async def test_each_tenant_has_its_own_and_all_have_the_sum(database: DatabaseTier) -> None:
    store = PopularityStore(database.database)
    await store.add(
        [row("a", 3), row("b", 2), row("b", 2, tenant="other"), row("c", 9, source="x")]
    )
    assert await names(store) == ["c", "b", "a"]
    assert await names(store, tenant="app") == ["c", "a", "b"]
    assert await names(store, tenant="other") == ["b"]
    assert await names(store, source="medicine") == ["b", "a"]
    assert await names(store, tenant="app", source="x") == ["c"]
    assert await names(store, tenant="nobody") == []


async def test_readers_of_postgresql_see_what_was_last_added_up(postgres_url: str) -> None:
    database = await open_database(postgres_url)
    store = PopularityStore(database.database)
    await store.add([row("a", 1)])
    assert await store.top(1) == []
    await asyncio.gather(store.refresh(), store.top(1))
    assert [each.key for each in await store.top(1)] == ["a"]
    await database.close()


async def test_a_purge_leaves_what_is_popular(
    database: DatabaseTier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(popularity, "KEPT_ROWS", 2)
    store = PopularityStore(database.database)
    await store.add([row("a", 3), row("b", 2), row("forgotten", 1, NOW - 5 * HALF_LIFE)])
    assert await store.purge(NOW) == 1
    await store.add([row("c", 1), row("d", 0.5)])
    assert await store.purge(NOW) == 2
    assert await names(store) == ["a", "b"]


def test_the_rate_is_of_the_time_that_was_counted() -> None:
    hour = PopularRow("a", "", "s", "", 3600 * weight_at(NOW), NOW - 3600)
    assert hour.rate(NOW) == pytest.approx(1, rel=0.01)
    once = PopularRow("a", "", "s", "", weight_at(NOW), NOW - 3600)
    assert once.rate(NOW) == 0
    ever = 0.5 * HALF_LIFE / 0.6931
    assert PopularRow("a", "", "s", "", ever * weight_at(NOW), 0.0).rate(NOW) == pytest.approx(
        0.5, rel=0.01
    )
