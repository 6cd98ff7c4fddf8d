"""Streams through a served gateway, an upstream and a model, all on real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from gateway.events import SummaryFailed
from storage.withdrawals import Scope, Withdrawals
from tests.adapters.llm.stub_chat import completion
from tests.gateway.web.modelled import (
    GOOD,
    RECORD,
    World,
    events,
    first_delta,
    names,
    text,
    written,
)
from tests.stub_upstream import Reply


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        made = World(tmp_path, stack)
        await made.open()
        yield made


async def drained(connection: socket.socket) -> bytes:
    """Return what is still to be had of a connection that was cut."""
    got = bytearray()
    with suppress(ConnectionResetError):
        while part := await asyncio.get_running_loop().sock_recv(connection, 1 << 20):
            got += part
    return bytes(got)


async def test_records_come_at_once_and_the_summary_as_it_is_written(world: World) -> None:
    world.chat.permits = asyncio.Semaphore(0)
    async with world.stream() as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Accel-Buffering"] == "no"
        assert response.headers["X-Request-Id"]
        told = events(response)
        name, records = await anext(told)
        assert (name, records["summary"]) == ("records", None)
        assert records["items"][0]["name"] == "pill"
        for piece in GOOD:
            world.allow(1)
            assert await anext(told) == ("summary.delta", {"text": piece})
        world.allow(2)
        name, summary = await anext(told)
        assert (name, summary["text"]) == ("summary", "".join(GOOD))
        assert summary["by"] == "openai:m"
        name, done = await anext(told)
        assert (name, done["degraded"]) == ("done", [])
        assert done["cache_status"] == "lookup-gateway; fwd=miss; stored"
    assert (await world.search())["summary"] == summary
    assert len(world.chat.asked) == 1


async def test_a_hit_is_told_in_the_same_way(world: World) -> None:
    kept = await world.search()
    told = await world.told()
    assert names(told) == ["records", "summary", "done"]
    assert told[0][1] == {**kept, "summary": None}
    assert told[1][1] == kept["summary"]
    assert told[2][1]["cache_status"].endswith("detail=memory")


async def test_fields_limit_and_no_summary_hold_for_a_stream(world: World) -> None:
    told = await world.told(fields="use", summary="none")
    assert names(told) == ["records", "summary", "done"]
    assert set(told[0][1]["items"][0]) == {"id", "use"}
    assert told[1][1] is None
    assert told[2][1]["degraded"] == []
    assert not world.chat.asked


async def test_all_who_join_share_one_upstream_call_and_one_call_of_the_model(
    world: World,
) -> None:
    world.chat.permits = asyncio.Semaphore(2)
    async with world.stream() as first:
        early = events(first)
        await anext(early)
        so_far = (await anext(early))[1]["text"]
        while so_far != GOOD[0] + GOOD[1]:
            so_far += (await anext(early))[1]["text"]
        searching = asyncio.create_task(world.search())
        streams = [asyncio.create_task(world.told()) for _ in range(20)]
        await world.waiting(22)
        world.allow(3)
        late = await asyncio.gather(*streams)
        rest = [told async for told in early]
    assert all(names(told) == ["records", "summary.delta", "summary", "done"] for told in late)
    assert {text(told) for told in late} == {"".join(GOOD)} == {so_far + text(rest)}
    assert (await searching)["summary"] == late[0][-2][1]
    assert all("collapsed" in told[-1][1]["cache_status"] for told in late)
    assert (world.upstream.count, len(world.chat.asked)) == (1, 1)
    assert len(world.gateway.broadcasts) == 0


async def test_another_query_with_the_same_records_hears_the_same_stream(world: World) -> None:
    world.chat.permits = asyncio.Semaphore(1)
    async with world.stream() as first:
        early = events(first)
        await first_delta(early)
        other = asyncio.create_task(world.told(q="tablet"))
        await world.upstream.arrived(2)
        await world.waiting(2)
        world.allow(10)
        assert text(await other) == "".join(GOOD)
    assert len(world.chat.asked) == 1


@pytest.mark.parametrize(("cut", "finish"), [(True, None), (False, None), (False, "length")])
async def test_a_stream_that_breaks_off_ends_with_an_error_and_the_records_own_words(
    world: World, *, cut: bool, finish: str | None
) -> None:
    world.chat.events, world.chat.cut = written(*GOOD, finish=finish), cut
    world.chat.body = completion(GOOD[0], "length")
    told = await world.told()
    ends = names([each for each in told if each[0] != "summary.delta"])
    assert ends == ["records", "error", "summary", "done"]
    problem, summary, done = (data for _, data in told[-3:])
    assert problem["status"] == 502
    assert problem["reason"] in {"truncated", "unavailable"}
    assert summary["by"] == "extractive"
    assert done["degraded"] == ["summary"]
    kept = await world.search()
    assert (kept["summary"]["by"], kept["degraded"]) == ("extractive", ["summary"])


async def test_a_wrong_number_is_withdrawn_and_kept_nowhere(world: World, tmp_path: Path) -> None:
    wrong = "A pill for a headache. Take 7531 mg at most."
    world.chat.events, world.chat.body = written(wrong), completion(wrong)
    told = await world.refused()
    assert names(told) == ["records", "summary.delta", "summary", "done"]
    assert text(told) == wrong
    assert told[-2][1]["by"] == "extractive"
    assert told[-1][1]["degraded"] == ["summary"]
    assert "7531" not in str(await world.search())
    assert any(isinstance(event, SummaryFailed) for event in world.seen)
    assert not any(b"7531" in file.read_bytes() for file in tmp_path.glob("stream.db*"))


async def test_a_mended_second_try_replaces_what_was_streamed(world: World) -> None:
    world.chat.events = written("A pill for a headache. Take 7531 mg at most.")
    told = await world.refused()
    assert names(told) == ["records", "summary.delta", "summary", "done"]
    assert told[-2][1]["text"] == "".join(GOOD)
    assert told[-1][1]["degraded"] == []
    assert [asked.get("stream", False) for asked in world.chat.asked] == [True, False]


async def test_a_client_who_leaves_midway_takes_nothing_from_anybody(world: World) -> None:
    world.chat.permits = asyncio.Semaphore(1)
    async with world.stream() as response:
        told = events(response)
        await first_delta(told)
        response.close()
    world.allow(10)
    await world.landed()
    assert (await world.search())["summary"]["text"] == "".join(GOOD)
    assert len(world.chat.asked) == 1


async def test_who_comes_after_a_withdrawal_hears_nothing_of_the_flight_before(
    world: World,
) -> None:
    world.chat.permits = asyncio.Semaphore(1)
    async with world.stream() as before:
        early = events(before)
        await first_delta(early)
        world.upstream.default = Reply(records=[{**RECORD, "use": "Withdrawn from the market."}])
        body = {"source": "medicine", "q": "pill", "wait": False}
        async with world.client.post("/v1/invalidate", json=body) as response:
            assert response.status == 200
        world.chat.events = written("Withdrawn from the market.")
        world.chat.body = completion("Withdrawn from the market.")
        after = asyncio.create_task(world.told())
        await world.waiting(2)
        world.allow(100)
        told = await after
    assert "500" not in str(told)
    assert told[0][1]["items"][0]["use"] == "Withdrawn from the market."
    assert names(told) == ["records", "summary.delta", "summary", "done"]
    assert text(told) == told[-2][1]["text"] == "Withdrawn from the market."


@pytest.mark.parametrize("heard", [False, True])
async def test_who_comes_while_the_log_is_lost_hears_nothing_of_a_flight_before(
    world: World, monkeypatch: pytest.MonkeyPatch, *, heard: bool
) -> None:
    """Others acknowledge a withdrawal without this replica, which hears of it late or never."""
    world.chat.permits = asyncio.Semaphore(1)
    async with world.stream() as before:
        early = events(before)
        await first_delta(early)
        monkeypatch.setattr(Withdrawals, "current", False)
        new = "Withdrawn from the market."
        world.upstream.default = Reply(records=[{**RECORD, "use": new}])
        # What streams already goes on as it began.
        world.chat.events, world.chat.body = written(new), completion(new)
        async with world.stream() as response:
            await world.waiting(2)
            if heard:
                await world.gateway.invalidations.withdraw(Scope("all", "public"))
                monkeypatch.undo()
            world.allow(100)
            told = [each async for each in events(response)]
    assert "500" not in str(told)
    assert told[0][1]["items"][0]["use"] == new
    assert names(told) == ["records", "summary.delta", "summary", "done"]
    assert text(told) == told[-2][1]["text"] == new


async def test_a_flight_of_ones_own_is_heard_while_the_log_is_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Withdrawals, "current", False)
    assert names(await world.told()) == ["records", "summary.delta", "summary", "done"]


async def test_a_summary_of_withdrawn_records_does_not_follow_others_of_another_flight(
    world: World,
) -> None:
    world.chat.permits = asyncio.Semaphore(1)
    new = "Withdrawn from the market."
    async with world.stream() as before:
        early = events(before)
        await first_delta(early)
        world.upstream.default = Reply(records=[{**RECORD, "use": new}])
        # What streams already goes on as it began.
        world.chat.events, world.chat.body = written(new), completion(new)
        await world.gateway.invalidations.withdraw(Scope("all", "public"))
        async with world.stream() as response:
            await world.waiting(2)
            # Its records are those that the listener may have; the summary is still of the old.
            await world.search(summary="none")
            after = events(response)
            told = [await anext(after)]
            world.allow(100)
            told += [each async for each in after]
    assert told[0][1]["items"][0]["use"] == new
    assert "500" not in str(told)
    assert text(told) == told[-2][1]["text"] == new


async def test_an_upstream_that_fails_is_an_error_and_the_end(world: World) -> None:
    world.upstream.script(Reply(status=500))
    told = await world.told()
    assert names(told) == ["error", "done"]
    assert (told[0][1]["status"], told[0][1]["source"]) == (502, "medicine")


async def test_a_lookup_that_cannot_be_asked_is_a_problem_and_no_stream(world: World) -> None:
    async with world.stream(source="medicin") as response:
        assert response.status == 404
        assert response.headers["Content-Type"] == "application/problem+json"


async def test_no_match_has_no_summary(world: World) -> None:
    world.upstream.default = Reply(records=[])
    told = await world.told()
    assert names(told) == ["records", "summary", "done"]
    assert (told[0][1]["total"], told[1][1]) == (0, None)


async def test_a_client_who_waits_is_told_that_the_gateway_lives(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        world = World(tmp_path, stack)
        await world.open(stream={"heartbeat": "20ms"})
        world.upstream.gate.clear()
        async with world.stream() as response:
            told = events(response)
            assert await anext(told) == ("", ":")
            world.upstream.gate.set()
            assert names([each async for each in told if each[0]])[-1] == "done"


async def test_a_client_who_takes_nothing_is_cut_off_and_holds_up_nobody(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        world = World(tmp_path, stack)
        await world.open(stream={"stall": "1s"})
        # More than the buffers of a connection take, the kernel's included.
        world.upstream.default = Reply(records=[{**RECORD, "use": "x" * 12_000_000}])
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect(world.address)
            slow.setblocking(False)
            slow.sendall(b"GET /v1/search/stream?source=plain&q=pill HTTP/1.1\r\nHost: x\r\n\r\n")
            await world.upstream.arrived(1)
            async with world.stream(source="plain") as response:
                whole = await response.read()
            assert whole.count(b"event: done") == 1
            while len(world.gateway.broadcasts):
                await asyncio.sleep(0.01)
            assert b"event: done" not in await drained(slow)
