"""What was paid for and went from memory before anybody was given it is wasted."""

from __future__ import annotations

import asyncio

import pytest

from gateway.events import Event, Events, Served, Stored, Summarized, SummaryUnread
from gateway.spend import unread as module
from gateway.spend.unread import Unread
from tests.waiting import eventually

KEY, MODEL = "v1:app:s:0", "m"


def written(source: str = "s", model: str = MODEL) -> Summarized:
    return Summarized(source, KEY, f"openai:{model}", 1.0, 10, 3, 4, model, 0.25, tenant="app")


class Bench:
    def __init__(self) -> None:
        self.kept: set[str] = {KEY}
        self.told: list[Event] = []
        self.unread = Unread(["s"], self.kept.__contains__, Events(self.told.append))

    def made(self, event: Summarized) -> None:
        self.unread(event)
        self.unread(Stored(event.source, KEY, 100))

    def swept(self) -> list[Event]:
        self.unread.sweep()
        self.unread.sweep()
        return self.told


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_what_left_memory_unread_is_told_once(bench: Bench) -> None:
    bench.made(written())
    assert bench.swept() == []
    bench.kept.clear()
    wasted = [SummaryUnread("s", KEY, MODEL, 0.25, "app")]
    assert bench.swept() == wasted
    assert bench.swept() == wasted


def test_what_somebody_was_given_is_not(bench: Bench) -> None:
    bench.made(written())
    bench.unread(Served("s", KEY, "hit", "memory", 0.1, MODEL, 0.25))
    bench.kept.clear()
    assert bench.swept() == []


def test_a_hit_may_be_told_after_the_answer_went(bench: Bench) -> None:
    bench.made(written())
    bench.kept.clear()
    bench.unread.sweep()
    bench.unread(Served("s", KEY, "hit", "memory", 0.1, MODEL, 0.25))
    assert bench.swept() == []


def test_until_its_answer_is_kept_a_summary_is_not_missed(bench: Bench) -> None:
    bench.kept.clear()
    bench.unread(written())
    assert bench.swept() == []


@pytest.mark.parametrize("event", [written(source="permanent"), written(model="")])
def test_what_the_database_has_and_what_was_free_is_no_waste(
    bench: Bench, event: Summarized
) -> None:
    bench.made(event)
    bench.kept.clear()
    assert bench.swept() == []


async def test_memory_is_looked_at_from_time_to_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SWEEP_EVERY", 0.001)
    bench.made(written())
    bench.kept.clear()
    async with bench.unread.running():
        await eventually(lambda: bool(bench.told))
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "unread"]
