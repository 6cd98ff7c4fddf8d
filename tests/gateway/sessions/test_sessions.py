from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from gateway.events import Events
from gateway.lookup import Lookup
from gateway.sessions import KEPT, Sessions
from storage.database import DatabaseTier, open_database
from storage.sessions import SessionStore
from tests.clocks import ManualClock
from tests.gateway.world import World

PILL = Lookup("medicine", "pill", asker="acme")


class Placed:
    """Sessions over a database in memory."""

    def __init__(self, database: DatabaseTier, *, heeded: bool = True) -> None:
        self.clock = ManualClock()
        self.database = database.database
        routes = {"medicine": replace(World().route, sessions=heeded)}
        store = SessionStore(self.database)
        self.sessions = Sessions(store, routes, Events(), self.clock)

    async def history(self, text: str, session: str = "s", asker: str = "acme") -> tuple[str, ...]:
        self.clock.advance(1)
        lookup = Lookup("medicine", text, asker=asker)
        return (await self.sessions.place(lookup, session)).history


@pytest.fixture
async def database() -> AsyncIterator[DatabaseTier]:
    tier = await open_database("sqlite+aiosqlite:///:memory:")
    yield tier
    await tier.close()


@pytest.fixture
async def placed(database: DatabaseTier) -> AsyncIterator[Placed]:
    made = Placed(database)
    yield made
    await made.sessions.close()


async def test_what_was_asked_before_is_there_at_once_the_latest_first(placed: Placed) -> None:
    assert [await placed.history(text) for text in "abcb"] == [
        (),
        ("a",),
        ("b", "a"),
        ("c", "a"),  # what is asked again is no history of itself
    ]


async def test_tenants_have_no_session_in_common(placed: Placed) -> None:
    await placed.history("a")
    assert await placed.history("b", asker="other") == ()
    await placed.sessions.forget("other", "s")
    assert await placed.history("c") == ("a",)


async def test_nothing_counts_for_longer_than_thirty_days(placed: Placed) -> None:
    await placed.history("a")
    placed.clock.advance(KEPT - 2)
    assert await placed.history("b") == ("a",)
    placed.clock.advance(10)
    assert await placed.history("c") == ("b",)


async def test_where_no_source_heeds_sessions_none_is_kept(database: DatabaseTier) -> None:
    placed = Placed(database, heeded=False)
    assert await placed.sessions.place(PILL, "s") is PILL
    await placed.sessions.close()
    assert await placed.database.rows("SELECT * FROM sessions") == []


async def test_closing_finishes_what_is_being_remembered(placed: Placed) -> None:
    for text in "abc":
        await placed.sessions.place(Lookup("medicine", text), "s")
    await placed.sessions.close()
    assert len(await placed.database.rows("SELECT * FROM sessions")) == 3


async def test_a_shaped_lookup_has_a_key_of_its_own(placed: Placed) -> None:
    await placed.history("a")
    shaped = await placed.sessions.place(PILL, "s")
    assert shaped.key != PILL.key
    assert replace(shaped, history=()).key == PILL.key
