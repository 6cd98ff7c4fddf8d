from __future__ import annotations

import asyncio

import pytest

from storage.batches import Batch, BatchStore, Finished
from storage.database import DatabaseTier


@pytest.fixture
def store(database: DatabaseTier) -> BatchStore:
    return BatchStore(database.database)


def batch(name: str = "b1", total: int = 3, created: float = 1.0) -> Batch:
    return Batch(name, "clinic", "app", "a list", "open", total, created)


def asked(total: int = 3) -> list[str]:
    return [f"lookup {number}" for number in range(total)]


async def test_a_batch_is_its_tenants_alone(store: BatchStore) -> None:
    await store.add(batch(), asked())
    assert await store.get("b1", "clinic") == batch()
    assert await store.get("b1", "other") is None
    assert not await store.cancel("b1", "other")
    assert await store.count("b1") == {"waiting": 3, "done": 0, "failed": 0}
    assert (await store.open_count("clinic"), await store.open_count("other")) == (1, 0)


async def test_thousands_of_lookups_are_kept_in_their_order(store: BatchStore) -> None:
    await store.add(batch(total=2100), asked(2100))
    items = await store.due("b1", 1.0, 5000)
    assert [item.asked for item in items] == asked(2100)
    assert [item.number for item in items] == list(range(2100))


async def test_of_several_who_claim_a_batch_one_has_it(store: BatchStore) -> None:
    await store.add(batch(), asked())
    claims = await asyncio.gather(*(store.claim(f"p{n}", 10.0, 40.0) for n in range(8)))
    (owner,) = [number for number, claim in enumerate(claims) if claim is not None]
    assert await store.hold("b1", f"p{owner}", 60.0)
    assert not await store.hold("b1", "somebody", 60.0)
    assert await store.claim("later", 59.0, 90.0) is None
    assert await store.claim("later", 60.0, 90.0) == batch()
    assert not await store.hold("b1", f"p{owner}", 99.0)


async def test_what_is_done_has_its_place_in_order_and_is_done_once(store: BatchStore) -> None:
    await store.add(batch(), asked())
    await store.finish("b1", [Finished(0, 2, "done")])
    await store.finish("b1", [Finished(0, 0, "failed", detail="why"), Finished(0, 2, "failed")])
    assert await store.results("b1", 0, 10) == [
        Finished(1, 2, "done", "lookup 2"),
        Finished(2, 0, "failed", "lookup 0", "why"),
    ]
    assert [each.number for each in await store.results("b1", 1, 10)] == [0]
    assert await store.count("b1") == {"waiting": 1, "done": 1, "failed": 1}
    assert [item.number for item in await store.due("b1", 1.0, 10)] == [1]
    await store.finish("b1", [Finished(0, 1, "done")])
    found = await store.get("b1", "clinic")
    assert found is not None
    assert found.state == "done"
    assert await store.claim("p", 10.0, 40.0) is None
    assert not await store.cancel("b1", "clinic")


async def test_what_is_put_off_is_not_due_before(store: BatchStore) -> None:
    await store.add(batch(), asked())
    items = await store.due("b1", 1.0, 2)
    await store.postpone("b1", [(item, 100.0 + item.number) for item in items])
    assert [item.number for item in await store.due("b1", 99.0, 10)] == [2]
    await store.finish("b1", [Finished(0, 2, "done")])
    assert await store.next_due("b1") == 100.0
    assert [item.number for item in await store.due("b1", 101.0, 10)] == [0, 1]


async def test_what_is_cancelled_is_nobodys_work(store: BatchStore) -> None:
    await store.add(batch(), asked())
    assert await store.claim("p", 10.0, 40.0) is not None
    assert await store.cancel("b1", "clinic")
    assert not await store.hold("b1", "p", 60.0)
    assert await store.claim("p", 100.0, 140.0) is None
    assert await store.open() == []


async def test_old_batches_are_forgotten_with_all_that_is_theirs(store: BatchStore) -> None:
    await store.add(batch("old", created=1.0), asked())
    await store.add(batch("new", created=9.0), asked())
    assert await store.purge(5.0) == 1
    assert await store.get("old", "clinic") is None
    assert await store.due("old", 99.0, 10) == []
    assert [each.id for each in await store.open()] == ["new"]


async def test_a_part_of_a_batch_is_its_own_work(store: BatchStore) -> None:
    await store.add(batch(total=25), asked(25))
    assert await store.open_parts("b1", 10) == [0, 1, 2]
    part = range(10, 20)
    assert [item.number for item in await store.due("b1", 1.0, 99, part)] == [*part]
    await store.finish("b1", [Finished(0, number, "done") for number in part])
    assert await store.open_parts("b1", 10) == [0, 2]
    assert await store.next_due("b1", part) is None
    assert await store.next_due("b1", range(20, 30)) == 0.0
