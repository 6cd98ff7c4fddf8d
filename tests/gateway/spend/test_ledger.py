from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from gateway.events import (
    Embedded,
    Event,
    Events,
    Fetched,
    Served,
    Summarized,
    SummaryReused,
    SummaryUnread,
    SummaryWasted,
    TierFailed,
)
from gateway.lookup import Lookup, tenant_of
from gateway.spend import ledger as module
from gateway.spend.ledger import Ledger
from gateway.spend.prices import NANOS
from storage.spend import Account, Amounts, SpendStore
from storage.sqlite import Sqlite, open_sqlite
from storage.tier import TierError
from tests.clocks import ManualClock
from tests.waiting import eventually

DAY = "2027-01-15"  # of ManualClock
KEY = Lookup("s", "q", tenant="app").key
MODEL, CALLS = Account(DAY, "app", "s", "m"), Account(DAY, "app", "s", "")


class Breakable(SpendStore):
    broken = False

    async def add(self, amounts: Mapping[Account, Amounts]) -> None:
        if self.broken:
            raise TierError("no disk")
        await super().add(amounts)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Sqlite]:
    opened = await open_sqlite(str(tmp_path / "lookup.db"))
    yield opened
    await opened.close()


class Book:
    """A ledger, its clock and what it told."""

    def __init__(self, database: Sqlite) -> None:
        self.clock = ManualClock()
        self.store = Breakable(database)
        self.told: list[Event] = []
        self.ledger = Ledger(
            self.store,
            call_prices={"s": 7},
            events=Events(self.told.append),
            clock=self.clock,
        )


@pytest.fixture
def book(database: Sqlite) -> Book:
    return Book(database)


def written(usd: float | None = 0.25, model: str = "m") -> Summarized:
    return Summarized("s", KEY, f"openai:{model}", 1.0, 10, 3, 4, model, usd)


def test_the_tenant_stands_in_the_key() -> None:
    assert tenant_of(Lookup("s", "q", tenant="a:b").key) == "a:b"


def test_what_calls_cost_is_spent_and_what_brought_nothing_is_wasted_too(book: Book) -> None:
    book.ledger(written())
    book.ledger(SummaryWasted("s", KEY, "m", "rejected", 20, 5, None, 0.5))
    book.ledger(Fetched("s", KEY, 1, 0.1))
    assert book.ledger.accounts() == {
        MODEL: Amounts(
            calls=2,
            prompt_tokens=30,
            cached_tokens=4,
            completion_tokens=8,
            spent=NANOS * 3 // 4,
            wasted=NANOS // 2,
        ),
        CALLS: Amounts(calls=1, spent=7),
    }
    assert book.ledger.spent("day") == book.ledger.spent("tenant:app") == NANOS * 3 // 4


def test_embeddings_are_spent_as_other_calls_are(book: Book) -> None:
    book.ledger(Embedded("s", KEY, "m", 0.1, 10, 0.25))
    book.ledger(Embedded("s", KEY, "m", 0.1, 5, 0.5, "malformed"))
    book.ledger(Embedded("s", KEY, "m", 0.1, None, None, "timeout"))
    spent = Amounts(calls=3, unknown=1, prompt_tokens=15, spent=NANOS * 3 // 4, wasted=NANOS // 2)
    assert book.ledger.accounts() == {MODEL: spent}
    assert book.ledger.spent("source:s") == NANOS * 3 // 4


def test_what_nobody_was_given_is_wasted_and_spent_once(book: Book) -> None:
    book.ledger(written())
    book.ledger(SummaryUnread("s", KEY, "m", 0.25))
    book.ledger(SummaryUnread("s", KEY, "m", None))
    [amounts] = book.ledger.accounts().values()
    assert (amounts.calls, amounts.spent, amounts.wasted) == (1, NANOS // 4, NANOS // 4)


def test_an_unknown_cost_is_counted_and_not_taken_for_zero(book: Book) -> None:
    book.ledger(Summarized("s", KEY, "openai:m", 1.0, None, None, None, "m", None))
    assert book.ledger.accounts() == {MODEL: Amounts(calls=1, unknown=1)}


@pytest.mark.parametrize("outcome", ["hit", "stale", "collapsed", "similar"])
def test_an_answer_that_was_there_saves_its_summary_and_a_call(book: Book, outcome: str) -> None:
    book.ledger(Served("s", KEY, outcome, "memory", 0.1, "m", 0.25))
    assert book.ledger.accounts() == {
        MODEL: Amounts(spared=1, saved=NANOS // 4),
        CALLS: Amounts(spared=1, saved=7),
    }


def test_hits_that_are_told_together_count_each_for_who_asked(book: Book) -> None:
    book.ledger(Served("s", KEY, "hit", "memory", 0.1, "m", 0.25, tenant="web", count=3))
    assert book.ledger.accounts() == {
        MODEL._replace(tenant="web"): Amounts(spared=3, saved=NANOS * 3 // 4),
        CALLS._replace(tenant="web"): Amounts(spared=3, saved=21),
    }


def test_what_an_answer_for_everybody_costs_is_counted_for_who_asked_first(book: Book) -> None:
    shared = Lookup("s", "q", asker="app").key
    assert tenant_of(shared) == "public"
    book.ledger(Fetched("s", shared, 1, 0.1, tenant="app"))
    book.ledger(Summarized("s", shared, "openai:m", 1.0, 10, 3, 4, "m", 0.25, tenant="app"))
    assert {account.tenant for account in book.ledger.accounts()} == {"app"}
    assert book.ledger.spent("tenant:app") == NANOS // 4


def test_a_miss_saves_nothing_and_a_reused_summary_what_it_had_cost(book: Book) -> None:
    book.ledger(Served("s", KEY, "miss", "", 0.1, "m", 0.25))
    assert book.ledger.accounts() == {}
    book.ledger(SummaryReused("s", KEY, "m", 0.25))
    book.ledger(SummaryReused("s", KEY))
    assert book.ledger.accounts() == {MODEL: Amounts(spared=1, saved=NANOS // 4)}


def test_an_extractive_summary_is_on_no_account(book: Book) -> None:
    book.ledger(Summarized("s", KEY, "extractive", 0.1, None, None))
    assert book.ledger.accounts() == {}


async def test_replicas_add_up_and_a_restart_knows_what_was_spent_today(database: Sqlite) -> None:
    first, second = Book(database), Book(database)
    first.ledger(written(0.25))
    second.ledger(written(0.5))
    await first.ledger.flush()
    await second.ledger.flush()
    assert second.ledger.spent("source:s") == NANOS * 3 // 4
    second.ledger(written(0.125))
    assert second.ledger.spent("day") == NANOS * 7 // 8
    await second.ledger.flush()
    await first.ledger.flush()
    third = Book(database)
    await third.ledger.flush()
    for book in (first, second, third):
        assert book.ledger.spent("day") == NANOS * 7 // 8
        assert book.ledger.accounts()[MODEL].calls == 3


async def test_what_cannot_be_written_is_written_next_time_and_once(book: Book) -> None:
    book.store.broken = True
    book.ledger(written(0.25))
    await book.ledger.flush()
    book.ledger(written(0.25))
    await book.ledger.flush()
    assert [type(event) for event in book.told] == [TierFailed, TierFailed]
    assert book.ledger.spent("day") == NANOS // 2
    assert book.ledger.accounts()[MODEL].calls == 2
    book.store.broken = False
    await book.ledger.flush()
    assert (await book.store.of_day(DAY))[MODEL].calls == 2
    await book.ledger.flush()
    assert (await book.store.of_day(DAY))[MODEL].spent == NANOS // 2
    assert book.ledger.spent("day") == NANOS // 2


async def test_a_new_day_begins_with_nothing_and_the_old_one_is_still_written(book: Book) -> None:
    book.ledger(written(0.25))
    book.clock.advance(86_400)
    assert book.ledger.spent("day") == 0
    assert book.ledger.accounts() == {}
    book.ledger(written(0.5))
    await book.ledger.flush()
    assert book.ledger.spent("day") == NANOS // 2
    assert (await book.store.of_day(DAY))[MODEL].spent == NANOS // 4
    assert (await book.store.of_day("2027-01-16"))[MODEL._replace(day="2027-01-16")].calls == 1


async def test_sums_are_written_while_it_runs(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLUSH_EVERY", 0.01)
    async with book.ledger.running():
        book.ledger(written(0.25))

        async def written_down() -> bool:
            return MODEL in await book.store.of_day(DAY)

        await eventually(written_down)


async def test_sums_are_written_at_its_end(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLUSH_EVERY", 60)
    async with book.ledger.running():
        book.ledger(written(0.25))
    assert (await book.store.of_day(DAY))[MODEL].calls == 1


async def test_amounts_that_come_while_a_batch_is_being_written_are_not_lost(book: Book) -> None:
    book.ledger(written(0.25))
    flush = asyncio.create_task(book.ledger.flush())
    await asyncio.sleep(0)
    book.ledger(written(0.25))
    assert book.ledger.spent("day") == NANOS // 2
    await flush
    assert book.ledger.accounts()[MODEL].calls == 2
    await book.ledger.flush()
    assert (await book.store.of_day(DAY))[MODEL].calls == 2
