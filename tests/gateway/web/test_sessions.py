"""Context classes and sessions, through a served gateway: what shapes whose summary."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import orjson
import pytest

from tests.adapters.llm.stub_chat import completion
from tests.gateway.web.modelled import RECORD, World, names, text, written
from tests.serving import decoded
from tests.stub_upstream import Reply
from tests.waiting import eventually

ANA, BEN = "ana-4711.secret", "ben_0815~secret"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        made = World(tmp_path, stack)
        await made.open()
        # Other queries find other records: otherwise they would share a summary.
        made.upstream.default = Reply(records=[RECORD], echo=True)
        yield made


async def test_each_context_class_has_a_summary_of_its_own_that_is_paid_for_once(
    world: World,
) -> None:
    await world.search()
    await world.search(context="pregnancy:yes,age:child")
    assert "age: child; pregnancy: yes" in world.prompt()
    await world.search(context="age:child, PREGNANCY:yes")
    assert len(world.chat.asked) == 2
    told = await world.told(context="age:child,pregnancy:yes")
    assert names(told) == ["records", "summary", "done"]
    await world.search(context="age:adult")
    assert len(world.chat.asked) == 3


async def test_every_answer_of_a_source_that_heeds_sessions_says_so(world: World) -> None:
    async def vary() -> str:
        async with world.answer(source="shaped", q="pill") as response:
            await response.read()
            return str(response.headers["Vary"])

    world.upstream.gate.clear()
    several = [asyncio.create_task(vary()) for _ in range(3)]
    await world.upstream.arrived(1)
    await eventually(lambda: world.gateway.flights.waiters == 3)
    world.upstream.gate.set()
    told = {await each for each in several} | {await vary() for _ in range(3)}
    assert told == {"Accept-Encoding, X-Session"}


@pytest.mark.parametrize("context", ["age:42", "weight:high", "a pregnant woman"])
async def test_a_context_that_is_not_declared_is_a_400_that_names_what_is(
    world: World, context: str
) -> None:
    async with world.answer(context=context) as response:
        problem = orjson.loads(await response.read())
        assert (response.status, problem["parameter"]) == (400, "context")
        assert "age" in problem["detail"]
    assert world.upstream.count == 0


async def test_a_batch_gives_classes_as_text_or_as_an_object(world: World) -> None:
    one = {"source": "medicine", "q": "pill", "context": "age:child,pregnancy:yes"}
    other = {**one, "context": {"pregnancy": "yes", "age": "child"}}
    async with world.client.post("/v1/search", json={"lookups": [one, other]}) as response:
        answers = orjson.loads(await decoded(response))["answers"]
    assert answers[0] == answers[1]
    assert answers[0]["status"] == 200
    assert len(world.chat.asked) == 1


async def test_classes_are_listed_with_their_source(world: World) -> None:
    async with world.client.get("/v1/sources") as response:
        listed = orjson.loads(await response.read())["sources"]
    medicine = next(each for each in listed if each["name"] == "medicine")
    assert medicine["context"] == {"pregnancy": ["yes", "no"], "age": ["child", "adult"]}


async def test_what_a_session_looked_up_shapes_its_next_summary_and_nobody_elses(
    world: World,
) -> None:
    await world.search(ANA, source="shaped", q="warfarin", keyword="bleeding")
    before = await world.search(source="shaped", q="pill")
    assert "warfarin" not in world.prompt()
    async with world.answer(ANA, source="shaped", q="pill") as response:
        assert response.headers["Cache-Control"] == "private, no-cache"
        assert "X-Session" in response.headers["Vary"]
        assert ANA not in str(response.headers)
    assert 'looked up "warfarin (bleeding)"' in world.prompt()
    calls = len(world.chat.asked)
    assert await world.search(source="shaped", q="pill") == before
    assert await world.search(BEN, source="shaped", q="pill") == before
    assert len(world.chat.asked) == calls


async def test_a_shaped_summary_reaches_nobody_else_even_while_it_is_written(
    world: World,
) -> None:
    await world.search(source="shaped", q="pill")
    await world.search(ANA, source="shaped", q="warfarin")
    shaped = "A pill for a headache. Take 500 mg at most, and no more."
    world.chat.events, world.chat.body = written(shaped), completion(shaped)
    told = await world.told(ANA, source="shaped", q="pill")
    assert text(told) == shaped
    assert told[-2][1]["text"] == shaped
    for session in ("", BEN):
        plain = await world.search(session, source="shaped", q="pill")
        assert plain["summary"]["text"] != shaped
        streamed = await world.told(session, source="shaped", q="pill")
        assert shaped not in str(streamed)


async def test_a_shaped_summary_is_paid_for_once_and_its_records_are_everybodys(
    world: World,
) -> None:
    await world.search(source="shaped", q="pill")
    await world.search(ANA, source="shaped", q="warfarin")
    upstream = world.upstream.count
    first = await world.search(ANA, source="shaped", q="pill")
    calls = len(world.chat.asked)
    assert await world.search(ANA, source="shaped", q="pill") == first
    assert (world.upstream.count, len(world.chat.asked)) == (upstream, calls)


async def test_a_source_that_does_not_heed_sessions_gives_everyone_the_same(world: World) -> None:
    await world.search(ANA, source="shaped", q="warfarin")
    async with world.answer(ANA) as response:
        assert "private" not in response.headers["Cache-Control"]
    calls = len(world.chat.asked)
    await world.search()
    assert len(world.chat.asked) == calls
    assert "warfarin" not in world.prompt()


async def test_only_the_last_five_lookups_count(world: World) -> None:
    for number in range(7):
        await world.search(ANA, source="medicine", q=f"drug{number}")
    await world.search(ANA, source="shaped", q="pill")
    told = world.prompt()
    assert [f"drug{number}" in told for number in range(7)] == [False, False, *[True] * 5]


async def test_a_session_is_forgotten_by_one_call(world: World) -> None:
    await world.search(ANA, source="shaped", q="warfarin")
    await world.search(BEN, source="shaped", q="aspirin")
    async with world.client.delete("/v1/sessions", headers={"X-Session": ANA}) as response:
        assert response.status == 204
    await world.search(ANA, source="shaped", q="pill")
    assert "warfarin" not in world.prompt()
    await world.search(BEN, source="shaped", q="pill")
    assert "aspirin" in world.prompt()


@pytest.mark.parametrize("session", ["", "a b", "x" * 129, "ana@example.org", "é"])
async def test_a_session_that_is_not_opaque_is_a_400_that_does_not_repeat_it(
    world: World, session: str
) -> None:
    for method, path in (("GET", "/v1/search?source=medicine&q=pill"), ("DELETE", "/v1/sessions")):
        async with world.client.request(method, path, headers={"X-Session": session}) as response:
            problem = orjson.loads(await response.read())
            assert (response.status, problem["parameter"]) == (400, "X-Session")
            assert not session or session not in problem["detail"]


async def test_a_session_without_its_header_cannot_be_forgotten(world: World) -> None:
    async with world.client.delete("/v1/sessions") as response:
        assert response.status == 400


async def test_no_log_line_no_event_and_no_table_holds_a_sessions_id(
    world: World,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    await world.search(ANA, source="shaped", q="warfarin")
    await world.search(ANA, source="shaped", q="pill")
    await world.told(ANA, source="shaped", q="pill", keyword="dose")
    async with world.client.delete("/v1/sessions", headers={"X-Session": ANA}):
        pass
    out = capsys.readouterr()
    assert "/v1/sessions" in out.out + out.err + caplog.text
    assert ANA not in out.out + out.err + caplog.text
    assert ANA not in str(world.seen)
    assert not any(ANA.encode() in file.read_bytes() for file in tmp_path.iterdir())
    assert ANA not in str(world.chat.asked)


async def test_without_the_database_there_is_no_history_and_an_answer_all_the_same(
    world: World,
) -> None:
    await world.search(ANA, source="shaped", q="warfarin")
    store = world.gateway.sessions._store
    await store._database.change("DROP TABLE sessions")
    assert (await world.search(ANA, source="shaped", q="pill"))["summary"]
    assert "warfarin" not in world.prompt()
    async with world.client.delete("/v1/sessions", headers={"X-Session": ANA}) as response:
        assert response.status == 503
