"""What is told behind an answer."""

from __future__ import annotations

import asyncio

from gateway.events import HELD, Event, Events, Failed, Held, TierRead

READ = TierRead("memory", False, 0.1)
FAILED = Failed("plain", "key", "timeout", 0.1)


async def test_what_waits_is_told_when_it_is_released_and_what_does_not_at_once() -> None:
    told: list[Event] = []
    prompt: list[Event] = []
    events, held = Events(told.append), Held()
    events.subscribe(prompt.append, at_once=True)
    HELD.set(held)
    events.emit(READ)
    events.emit(FAILED)
    assert (told, prompt) == ([FAILED], [READ, FAILED])
    events.release(held)
    assert (told, prompt) == ([FAILED, READ], [READ, FAILED])
    events.emit(READ)
    assert told == [FAILED, READ, READ]


async def test_what_was_begun_for_an_answer_tells_at_once_when_that_is_sent() -> None:
    told: list[Event] = []
    events, held, sent = Events(told.append), Held(), asyncio.Event()
    HELD.set(held)

    async def flight() -> None:
        await sent.wait()
        events.emit(READ)

    task = asyncio.create_task(flight())
    events.release(held)
    sent.set()
    await task
    assert told == [READ]


async def test_without_an_answer_to_hold_up_everything_is_told_at_once() -> None:
    told: list[Event] = []
    Events(told.append).emit(READ)
    assert told == [READ]


async def test_a_listener_that_fails_holds_up_no_other() -> None:
    told: list[Event] = []

    def broken(_: Event) -> None:
        raise RuntimeError

    events, held = Events(broken, told.append), Held()
    HELD.set(held)
    events.emit(READ)
    events.release(held)
    assert told == [READ]
