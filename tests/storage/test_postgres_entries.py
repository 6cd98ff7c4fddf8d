"""Many entries in one write, fenced each by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from storage.compression import MARK
from storage.database import DatabaseTier, open_database
from storage.entry import Entry, encode
from storage.invalidation import InvalidationLog
from storage.tier import WithdrawnError
from storage.withdrawals import SHARED, Scope
from tests.storage.entries import make_entry


class Statements:
    """Counts them."""

    def __init__(self) -> None:
        self.count = 0

    def asked(self) -> None:
        """Not counted here."""

    def took(self, statement: str, seconds: float) -> None:
        self.count += 1

    def waited(self, seconds: float) -> None:
        """Not counted here."""

    def tripped(self, seconds: float) -> None:
        """Not counted here."""


@pytest.fixture
async def tier(postgres_url: str) -> AsyncIterator[DatabaseTier]:
    opened = await open_database(postgres_url)
    yield opened
    await opened.close()


def entries(count: int) -> list[Entry]:
    return [make_entry(f"v1:public:medicine:{number}") for number in range(count)]


async def withdraw(tier: DatabaseTier, key: str) -> int:
    log = InvalidationLog(tier.database)
    return (await log.withdraw(Scope("key", SHARED, value=key))).position


async def test_many_entries_are_one_statement(tier: DatabaseTier) -> None:
    statements = Statements()
    tier.observe(statements)
    many = entries(300)
    assert await tier.put_many(many) == [None] * 300
    assert statements.count == 1
    assert [await tier.get(each.key) for each in many] == many


async def test_what_was_withdrawn_since_its_fetch_is_refused_and_the_rest_is_kept(
    tier: DatabaseTier,
) -> None:
    old = entries(4)
    position = await withdraw(tier, old[1].key)
    fresh = make_entry("v1:public:medicine:fresh", position=position)
    statements = Statements()
    tier.observe(statements)
    results = await tier.put_many([*old, fresh])
    assert [type(each) for each in results] == [
        *(type(None), WithdrawnError, type(None)),
        *(type(None), type(None)),
    ]
    # One write, a look at the log for all that it was too far for, and one write of what stands.
    assert statements.count == 4
    assert await tier.get(old[1].key) is None
    assert all([await tier.get(each.key) for each in (old[0], old[2], old[3], fresh)])


async def test_each_is_judged_by_its_own_position(tier: DatabaseTier) -> None:
    key = entries(1)[0].key
    await withdraw(tier, key)
    since = await withdraw(tier, "v1:public:medicine:other")
    assert await tier.put_many([make_entry(key, position=since - 1)]) == [None]
    (refused,) = await tier.put_many([make_entry(key, position=0)])
    assert isinstance(refused, WithdrawnError)


async def test_a_single_entry_may_be_empty_and_any_text_parts_nothing(tier: DatabaseTier) -> None:
    bare = make_entry("bare", source="", holds="", tags=())
    assert await tier.put_many([bare]) == [None]
    assert await tier.get("bare") == bare
    odd = [
        make_entry(f"v1:public:x:{each}", holds=f"\tone\n{each}\ttwo", tags=(each, ""))
        for each in ("\x1e", "\x1f,", "a\n", "{}", '"', "\\", "", "한글")
    ]
    assert await tier.put_many(odd) == [None] * len(odd)
    assert [await tier.get(each.key) for each in odd] == odd


async def test_an_entry_is_kept_as_redis_has_it(tier: DatabaseTier) -> None:
    large = make_entry(body=b'"items":[' + b'{"id":"1","name":"x"},' * 50)
    await tier.put(large)
    ((wire,),) = await tier.database.rows("SELECT wire FROM entries")
    assert wire == large.packed
    assert wire.startswith(MARK)
    assert await tier.get(large.key) == large


async def test_what_an_older_version_has_kept_is_read(tier: DatabaseTier) -> None:
    large = make_entry(body=b'"items":[' + b'{"id":"1","name":"x"},' * 50)
    await tier.put(large)
    await tier.database.change("UPDATE entries SET wire = ?", encode(large))
    assert await tier.get(large.key) == large
