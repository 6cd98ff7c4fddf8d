from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.events import Event, Events, Served, TierFailed
from gateway.lookup import Lookup
from gateway.popularity import Popularity
from storage import popularity
from storage.database import open_database
from storage.popularity import HALF_LIFE, PopularityStore, PopularRow
from storage.tier import TierError
from tests.clocks import ManualClock
from tests.gateway.world import World

ROUTES = {"medicine": World().route}


def served(text: str, count: int = 1, *, tenant: str = "app", asked: bool = True) -> Served:
    lookup = Lookup("medicine", text)
    return Served(
        "medicine",
        lookup.key,
        "hit",
        "memory",
        0.0,
        tenant=tenant,
        count=count,
        asked=lookup if asked else None,
    )


async def test_what_two_replicas_hear_is_one_ranking(tmp_path: Path) -> None:
    database = await open_database(f"sqlite+aiosqlite:///{tmp_path / 'lookup.db'}")
    clock, store = ManualClock(), PopularityStore(database.database)
    first = Popularity(store, events=Events(), clock=clock)
    second = Popularity(store, events=Events(), clock=clock)
    for event in (served("a", 3), served("b", 2), served("c", asked=False)):
        first(event)
    for event in (served("b", 2), served("b", 5, tenant="other"), served("d", tenant="")):
        second(event)
    async with first.running(), second.running():
        pass
    ranked = await first.top(10, ROUTES)
    assert [(lookup.text, round(row.lookups(clock()))) for row, lookup in ranked] == [
        ("b", 9),
        ("a", 3),
        ("d", 1),
    ]
    assert [lookup.text for _, lookup in await second.top(10, ROUTES, tenant="app")] == ["b", "a"]
    assert [lookup.text for _, lookup in await second.top(1, ROUTES, tenant="public")] == ["d"]
    await database.close()


async def test_what_was_asked_long_ago_gives_way(tmp_path: Path) -> None:
    database = await open_database(f"sqlite+aiosqlite:///{tmp_path / 'lookup.db'}")
    clock = ManualClock()
    counted = Popularity(PopularityStore(database.database), events=Events(), clock=clock)
    counted(served("old", 10))
    await counted.flush()
    clock.advance(2 * HALF_LIFE)
    await counted.flush()
    counted(served("new", 4))
    await counted.flush()
    assert [lookup.text for _, lookup in await counted.top(2, ROUTES)] == ["new", "old"]
    await database.close()


async def test_what_is_made_for_one_person_is_not_counted(tmp_path: Path) -> None:
    database = await open_database(f"sqlite+aiosqlite:///{tmp_path / 'lookup.db'}")
    counted = Popularity(PopularityStore(database.database), events=Events())
    event = served("a")
    counted(replace(event, asked=Lookup("medicine", "a", history=("b",))))
    await counted.flush()
    assert await counted.top(2, ROUTES) == []
    await database.close()


async def test_what_cannot_be_written_is_written_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = await open_database(f"sqlite+aiosqlite:///{tmp_path / 'lookup.db'}")
    store, told = PopularityStore(database.database), list[Event]()
    counted = Popularity(store, events=Events(told.append))
    counted(served("a", 2))

    async def fail(_rows: list[PopularRow]) -> None:
        raise TierError("no disk")

    with monkeypatch.context() as broken:
        broken.setattr(store, "add", fail)
        await counted.flush()
    assert told == [TierFailed("popularity", "add", "no disk")]
    counted(served("a"))
    await counted.flush()
    assert (
        round((await counted.top(1, ROUTES))[0][0].score / popularity.weight_at(counted._now)) == 3
    )
    await database.close()
