"""A server that falls silent: who waits for it is told, and nobody waits again until it answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from storage.liveness import Liveness
from storage.tier import TierAwayError
from tests.waiting import eventually

SILENCE = 0.05


class Server:
    """Answers trials, or says nothing; `told` is what its liveness has told."""

    def __init__(self) -> None:
        self.trials = 0
        self.speaking = asyncio.Event()
        self.told: list[tuple[bool, str]] = []
        self.liveness = Liveness("db", self.answers, SILENCE)
        self.liveness.on_change = lambda up, reason: self.told.append((up, reason))

    async def answers(self) -> bool:
        self.trials += 1
        await self.speaking.wait()
        return True

    async def ask(self, waits: asyncio.Event) -> str:
        async with self.liveness.asking():
            await waits.wait()
        return "answered"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    yield made
    await made.liveness.close()


async def test_all_who_wait_for_a_silent_server_are_told_and_nobody_waits_again(
    server: Server,
) -> None:
    never = asyncio.Event()
    waiting = [asyncio.create_task(server.ask(never)) for _ in range(3)]
    for each in waiting:
        with pytest.raises(TierAwayError, match="db has said nothing"):
            await each
    assert server.told == [(False, "the database db has said nothing for 0.05 s")]
    begun = False
    with pytest.raises(TierAwayError):
        async with server.liveness.asking():
            begun = True
    assert not begun


async def test_a_server_that_answers_a_trial_is_asked_again(server: Server) -> None:
    with pytest.raises(TierAwayError):
        await server.ask(asyncio.Event())
    server.speaking.set()
    await eventually(lambda: len(server.told) == 2)
    assert server.told[1] == (True, "")
    assert await server.ask(server.speaking) == "answered"


async def test_a_statement_that_takes_long_is_left_alone_while_the_server_answers(
    server: Server,
) -> None:
    server.speaking.set()
    done = asyncio.Event()
    asked = asyncio.create_task(server.ask(done))
    await eventually(lambda: server.trials >= 3)
    assert not asked.done()
    done.set()
    assert await asked == "answered"
    assert server.told == []


async def test_a_server_that_freezes_while_a_statement_takes_long_is_found_out(
    server: Server,
) -> None:
    server.speaking.set()
    asked = asyncio.create_task(server.ask(asyncio.Event()))
    await eventually(lambda: server.trials >= 2)
    server.speaking.clear()
    with pytest.raises(TierAwayError):
        await asked


async def test_a_timeout_of_ones_own_has_the_server_tried_at_once() -> None:
    server = Server()
    server.liveness = Liveness("db", server.answers, 3600.0)
    with pytest.raises(TimeoutError):
        async with server.liveness.asking():
            raise TimeoutError
    await eventually(lambda: server.trials == 1)
    await server.liveness.close()


async def test_who_leaves_is_cancelled_and_nobody_else_is(server: Server) -> None:
    server.speaking.set()
    done = asyncio.Event()
    leaver, stayer = (asyncio.create_task(server.ask(done)) for _ in range(2))
    await asyncio.sleep(0)
    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver
    done.set()
    assert await stayer == "answered"


async def test_faults_that_a_server_tells_of_are_no_silence(server: Server) -> None:
    with pytest.raises(ValueError, match="duplicate"):
        async with server.liveness.asking():
            raise ValueError("duplicate")
    assert server.trials == 0
    assert server.told == []


async def test_trials_go_on_one_at_a_time(server: Server) -> None:
    with pytest.raises(TierAwayError):
        await server.ask(asyncio.Event())
    before = server.trials
    await eventually(lambda: server.trials > before + 1)
    assert [up for up, _ in server.told] == [False]
