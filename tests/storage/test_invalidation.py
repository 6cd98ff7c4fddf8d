"""The log: what a withdrawal takes, and that no fill that began before it comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from storage.database import DatabaseTier, open_database
from storage.entry import Entry, decode
from storage.invalidation import InvalidationLog, News
from storage.replicas import Replicas
from storage.tier import TierError, WithdrawnError
from storage.withdrawals import Kind, Scope, holdings
from tests.servers.postgres import Server
from tests.storage.entries import make_entry

HELD = holdings("타이레놀", [("1", "타이레놀정 500mg"), ("2", "게보린"), ("a.b", "x")])


@pytest.fixture(params=["sqlite", "sqlite in memory", "postgresql"])
async def tier(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[DatabaseTier]:
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres_server")
        opened = await open_database(await server.new_database())
    else:
        name = ":memory:" if "memory" in request.param else tmp_path / "a.db"
        opened = await open_database(f"sqlite+aiosqlite:///{name}")
    yield opened
    await opened.close()


@pytest.fixture
def log(tier: DatabaseTier) -> InvalidationLog:
    return InvalidationLog(tier.database)


def _entry(number: int, **changes: object) -> Entry:
    source = str(changes.get("source", "medicine"))
    tenant = str(changes.pop("tenant", "public"))
    return make_entry(f"v1:{tenant}:{source}:{number}", **changes)  # type: ignore[arg-type]


def _scope(kind: Kind, value: str = "", source: str = "", tenant: str = "public") -> Scope:
    return Scope(kind, tenant, source, value)


OTHERS = (
    _entry(1, tenant="other", holds=HELD, tags=("t",)),
    _entry(2, source="labels", holds=holdings("advil", []), tags=("u",)),
)


@pytest.mark.parametrize(
    "scope",
    [
        _scope("key", "v1:public:medicine:9"),
        _scope("source", source="medicine"),
        _scope("pattern", "타이*", "medicine"),
        _scope("pattern", "*500*", "medicine"),
        _scope("pattern", "게보?", "medicine"),
        _scope("tag", "t"),
        _scope("item", "2", "medicine"),
        _scope("item", "a.b", "medicine"),
    ],
)
async def test_a_withdrawal_takes_what_its_scope_names_and_nothing_else(
    tier: DatabaseTier, log: InvalidationLog, scope: Scope
) -> None:
    mine = _entry(9, holds=HELD, tags=("t", "s"))
    for entry in (mine, *OTHERS):
        await tier.put(entry)
    withdrawn = await log.withdraw(scope)
    assert (withdrawn.position, withdrawn.keys) == (1, (mine.key,))
    assert await tier.get(mine.key) is None
    for entry in OTHERS:
        assert await tier.get(entry.key) is not None


@pytest.mark.parametrize(
    "scope",
    [
        _scope("key", "v1:other:medicine:1"),
        _scope("pattern", "이레*", "medicine"),
        _scope("pattern", "타이.*", "medicine"),
        _scope("pattern", "1*", "medicine"),
        _scope("pattern", "타이*", "labels"),
        _scope("tag", "타이레놀"),
        _scope("item", "aXb", "medicine"),
        _scope("item", "타이레놀", "medicine"),
        _scope("all", tenant="nobody"),
    ],
)
async def test_what_a_scope_does_not_name_stays(
    tier: DatabaseTier, log: InvalidationLog, scope: Scope
) -> None:
    mine = _entry(9, holds=HELD, tags=("t", "s"))
    for entry in (mine, *OTHERS):
        await tier.put(entry)
    assert (await log.withdraw(scope)).keys == ()


async def test_all_is_all_of_a_tenant(tier: DatabaseTier, log: InvalidationLog) -> None:
    for entry in (_entry(9), *OTHERS):
        await tier.put(entry)
    withdrawn = await log.withdraw(_scope("all"))
    assert sorted(withdrawn.keys) == ["v1:public:labels:2", "v1:public:medicine:9"]


async def test_a_changed_answer_is_found_by_what_it_holds_now(
    tier: DatabaseTier, log: InvalidationLog
) -> None:
    await tier.put(_entry(1, holds=HELD))
    await tier.put(_entry(1, holds=holdings("타이레놀", [("3", "타세놀")])))
    assert (await log.withdraw(_scope("item", "2", "medicine"))).keys == ()
    assert len((await log.withdraw(_scope("item", "3", "medicine"))).keys) == 1


async def test_a_fill_that_began_before_a_withdrawal_is_refused_and_a_later_one_is_not(
    tier: DatabaseTier, log: InvalidationLog
) -> None:
    began = await log.position()
    await log.withdraw(_scope("item", "2", "medicine"))
    await log.withdraw(_scope("key", "v1:public:medicine:5"))
    late = _entry(1, holds=HELD, position=began)
    with pytest.raises(WithdrawnError):
        await tier.put(late)
    assert await tier.get(late.key) is None
    await tier.put(_entry(2, holds=holdings("게보린", []), position=began))
    await tier.put(_entry(1, holds=HELD, position=await log.position()))
    assert await tier.get("v1:public:medicine:1") is not None
    assert await tier.get("v1:public:medicine:2") is not None


async def test_what_is_read_says_up_to_where_it_stands(
    tier: DatabaseTier, log: InvalidationLog
) -> None:
    await tier.put(_entry(1))
    await log.withdraw(_scope("tag", "x"))
    found = await tier.get(_entry(1).key)
    assert found == _entry(1, position=1)


async def test_fills_and_withdrawals_at_once_leave_nothing_that_was_withdrawn(
    tier: DatabaseTier, log: InvalidationLog
) -> None:
    async def fill(number: int) -> None:
        for _ in range(10):
            try:
                await tier.put(_entry(number, holds=HELD, position=await log.position()))
            except WithdrawnError:
                continue

    async def withdraw() -> int:
        last = 0
        for _ in range(10):
            last = (await log.withdraw(_scope("item", "2", "medicine"))).position
        return last

    withdrawing = asyncio.create_task(withdraw())
    await asyncio.gather(*(fill(number) for number in range(8)))
    last = await withdrawing
    wires = await tier.database.rows("SELECT wire FROM entries")
    assert [wire for (wire,) in wires if decode(wire).position < last] == []


async def test_what_the_shared_tier_cannot_unlink_stays_in_both(
    tier: DatabaseTier, log: InvalidationLog
) -> None:
    await tier.put(_entry(1))
    told: list[Sequence[str]] = []

    async def unlink(keys: Sequence[str]) -> int:
        told.append(keys)
        raise TierError("redis is gone")

    with pytest.raises(TierError, match="redis is gone"):
        await log.withdraw(_scope("source", source="medicine"), unlink)
    assert told == [[_entry(1).key]]
    assert await tier.get(_entry(1).key) is not None
    assert await log.position() == 0
    assert (await log.since(0)).lines == ()


async def test_the_shared_tier_is_told_the_key_even_if_the_database_has_it_not(
    log: InvalidationLog,
) -> None:
    async def unlink(keys: Sequence[str]) -> int:
        return len(keys)

    assert (await log.withdraw(_scope("key", "v1:public:medicine:1"), unlink)).unlinked == 1


async def test_positions_are_without_gaps_in_the_order_of_commits(log: InvalidationLog) -> None:
    scopes = [_scope("tag", str(number)) for number in range(10)]
    await asyncio.gather(*(log.withdraw(scope) for scope in scopes))
    news = await log.since(3)
    assert [line.position for line in news.lines] == list(range(4, 11))
    assert (news.position, news.trimmed) == (10, 0)


async def test_the_log_is_trimmed_only_behind_every_replica(
    tier: DatabaseTier, log: InvalidationLog
) -> None:
    replicas = Replicas(tier.database)
    await replicas.join("slow")
    for number in range(6):
        await log.withdraw(_scope("tag", str(number)))
    await replicas.beat("slow", 2)
    await log.trim(keep=1)
    news = await log.since(0)
    assert ([line.position for line in news.lines], news.trimmed) == ([3, 4, 5, 6], 2)
    await replicas.leave("slow")
    await log.trim(keep=1)
    assert [line.position for line in (await log.since(0)).lines] == [6]
    with pytest.raises(WithdrawnError):  # nobody knows what the lines said
        await tier.put(_entry(1, position=1))


async def test_the_names_go_with_the_records(tier: DatabaseTier, log: InvalidationLog) -> None:
    names = tier.names
    many = [("1", "타이레놀정 500mg"), ("2", "게보린"), ("3", "타이핑")]

    async def left(text: str) -> list[str]:
        return [each.id for each in await names.suggest("medicine", text, 10)]

    await names.remember("medicine", many)
    await log.withdraw(_scope("item", "2", "medicine"))
    assert await left("게보린") == []
    await log.withdraw(_scope("pattern", "타이* 500*", "medicine"))
    assert await left("타이") == ["3"]
    await log.withdraw(_scope("all", tenant="other"))
    assert await left("타이") == ["3"]
    await names.remember("medicine", many)
    await log.withdraw(_scope("source", source="medicine"))
    assert await left("타이") == await left("게보린") == []


async def test_names_that_a_late_fetch_brings_are_left_out_where_they_were_withdrawn(
    tier: DatabaseTier, log: InvalidationLog
) -> None:
    names = tier.names
    many = [("1", "Tylenol 500"), ("2", "Geworin"), ("3", "Typing")]
    began = await log.position()
    await log.withdraw(_scope("item", "2", "medicine"))
    await log.withdraw(_scope("pattern", "tylenol*", "medicine"))
    await names.remember("medicine", many, began)
    await names.remember("other/medicine", many, began)

    async def found(space: str) -> list[str]:
        texts = ("tylenol", "geworin", "typing")
        return [e.id for text in texts for e in await names.suggest(space, text, 1)]

    assert await found("medicine") == ["3"]
    assert await found("other/medicine") == ["1", "2", "3"]
    await names.remember("medicine", many, await log.position())
    assert await found("medicine") == ["1", "2", "3"]


async def test_a_log_that_is_gone_is_a_tier_error(tier: DatabaseTier, log: InvalidationLog) -> None:
    await tier.database.change("DROP TABLE invalidation_state")
    for asked in (log.position(), log.withdraw(_scope("all")), log.trim()):
        with pytest.raises(TierError, match="invalidation_state"):
            await asked
    assert News((), 0, 0).lines == ()
