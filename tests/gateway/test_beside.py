from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from gateway.beside import beside, every
from tests.waiting import eventually


async def test_works_go_on_by_their_names_and_have_ended_when_the_context_is_left() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # ends take a while
            ended.append("ended")

    def names() -> set[str]:
        return {task.get_name() for task in asyncio.all_tasks()}

    async with beside(one=work(), another=work()):
        await asyncio.sleep(0)
        assert {"one", "another"} <= names()
    assert ended == ["ended", "ended"]
    assert not {"one", "another"} & names()


async def test_a_work_that_loses_its_cancellation_is_told_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.beside.AGAIN", 0.01)
    lost: list[int] = []

    async def work() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        lost.append(1)
        await asyncio.Event().wait()

    async with asyncio.timeout(30), beside(deaf=work()):
        await asyncio.sleep(0)
    assert lost == [1]


async def test_what_a_work_raises_is_raised_when_all_have_ended() -> None:
    ended: list[str] = []

    async def fault() -> None:
        raise LookupError("a fault of the work")

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ended")

    with pytest.raises(LookupError, match="a fault of the work"):
        async with beside(faulty=fault(), sound=work()):
            await asyncio.sleep(0)
    assert ended == ["ended"]


async def test_who_stops_early_has_everything_ended() -> None:
    task: list[asyncio.Task[object]] = []

    async def work() -> None:
        task.append(asyncio.current_task())  # type: ignore[arg-type]
        await asyncio.Event().wait()

    async def leave_early() -> None:
        async with beside(work=work()):
            await asyncio.sleep(0)
            raise LookupError

    with pytest.raises(LookupError):
        await leave_early()
    assert task[0].cancelled()


@pytest.mark.parametrize("at_once", [False, True])
async def test_what_is_done_every_so_often_is_done_at_once_where_that_is_wanted(
    at_once: bool,
) -> None:
    done: list[int] = []

    async def do() -> None:
        done.append(len(done))

    async with beside(rare=every(3600, do, at_once=at_once)):
        await asyncio.sleep(0.01)
    assert done == [0] * at_once
    async with beside(often=every(0.001, do)):
        await eventually(lambda: len(done) > 5)
