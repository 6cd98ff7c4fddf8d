"""What a withdrawal leaves alone: other sources, and the names of other tenants' answers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from storage.database import DatabaseTier, open_database
from storage.invalidation import InvalidationLog
from storage.withdrawals import Kind, Scope, holdings
from tests.storage.entries import make_entry


@pytest.fixture(params=["sqlite", "postgresql"])
async def tier(request: pytest.FixtureRequest) -> AsyncIterator[DatabaseTier]:
    url = "sqlite+aiosqlite:///:memory:"
    if request.param == "postgresql":
        url = await request.getfixturevalue("postgres_server").new_database()
    opened = await open_database(url)
    yield opened
    await opened.close()


async def test_an_item_is_withdrawn_of_its_source_alone(tier: DatabaseTier) -> None:
    held = holdings("q", [("2", "a name")])
    for source in ("medicine", "labels"):
        await tier.put(make_entry(f"v1:public:{source}:1", source=source, holds=held))
    withdrawn = await InvalidationLog(tier.database).withdraw(
        Scope("item", "public", "medicine", "2")
    )
    assert withdrawn.keys == ("v1:public:medicine:1",)


async def _named(tier: DatabaseTier) -> list[str]:
    spaces = ("medicine", "labels", "acme/medicine", "acme-2/medicine")
    return [space for space in spaces if await tier.names.suggest(space, "아스피린", 5)]


@pytest.mark.parametrize(
    ("kind", "tenant", "left"),
    [
        ("all", "public", ["acme/medicine", "acme-2/medicine"]),
        ("all", "acme", ["medicine", "labels", "acme-2/medicine"]),
        ("source", "public", ["labels", "acme/medicine", "acme-2/medicine"]),
        ("source", "acme", ["medicine", "labels", "acme-2/medicine"]),
    ],
)
async def test_the_names_of_others_answers_stay(
    tier: DatabaseTier, kind: Kind, tenant: str, left: list[str]
) -> None:
    for space in ("medicine", "labels", "acme/medicine", "acme-2/medicine"):
        await tier.names.remember(space, [("1", "아스피린")])
    source = "medicine" if kind == "source" else ""
    await InvalidationLog(tier.database).withdraw(Scope(kind, tenant, source))
    assert await _named(tier) == left
