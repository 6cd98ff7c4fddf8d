from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from adapters.errors import SummaryError
from adapters.llm import batches as module
from adapters.llm.batched import BatchedChat
from adapters.llm.batches import Batches, line_of, split
from adapters.llm.chat import Completion, Message
from adapters.llm.spec import ModelSpec
from adapters.summarizers.base import Usage
from tests.adapters.llm.stub_batches import StubBatches
from tests.adapters.llm.stub_chat import completion, failure

USAGE = {"prompt_tokens": 10, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}


def said(body: dict[str, Any]) -> str:
    text: str = body["messages"][0]["content"]
    return text


def answer(body: dict[str, Any]) -> dict[str, Any] | None:
    match said(body):
        case "lost":
            return None
        case "refused":
            return failure("content_filter")
        case "long":
            return completion("It is", "length") | {"usage": USAGE}
        case "odd":
            return {"choices": "none"}
        case text:
            return completion(f"About {text}.") | {"usage": USAGE}


@pytest.fixture
def stub() -> StubBatches:
    return StubBatches(answer)


@pytest.fixture
async def batches(stub: StubBatches) -> AsyncIterator[Batches]:
    async with TestServer(stub.app()) as server:
        spec = ModelSpec(model="m", base_url=str(server.make_url("/v1")), api_key="sk-SECRET")
        opened = Batches(spec, poll=0.001)
        yield opened
        await opened.close()


def ask(chat: BatchedChat, text: str) -> asyncio.Task[Completion]:
    return asyncio.create_task(chat.complete((Message("user", text),)))


async def reason(task: asyncio.Task[Completion]) -> str:
    with pytest.raises(SummaryError) as caught:
        await task
    assert "SECRET" not in str(caught.value)
    return caught.value.reason


async def test_questions_of_one_moment_are_one_batch_and_each_gets_its_answer(
    batches: Batches, stub: StubBatches
) -> None:
    told: list[tuple[str, int]] = []
    chat = BatchedChat(batches, quiet=0.01, told=lambda *batch: told.append(batch))
    first, second, same = ask(chat, "a"), ask(chat, "b"), ask(chat, "a")
    assert (await first).text == (await same).text == "About a."
    assert await second == Completion("About b.", usage=Usage(10, 4, 3, batched=True), model="m")
    assert told == [("batch_1", 2)]
    assert stub.purposes == ["batch"]
    assert [said(body) for body in stub.asked] == ["a", "b"]
    assert stub.asked[0]["model"] == "m"


async def test_each_line_has_an_error_of_its_own(batches: Batches) -> None:
    chat = BatchedChat(batches, quiet=0.01)
    texts = ["good", "lost", "refused", "long", "odd"]
    good, *bad = [ask(chat, text) for text in texts]
    assert (await good).text == "About good."
    assert [await reason(task) for task in bad] == [
        "unavailable",
        "refused",
        "truncated",
        "malformed",
    ]


async def test_what_was_cut_off_has_its_usage(batches: Batches) -> None:
    with pytest.raises(SummaryError) as caught:
        await ask(BatchedChat(batches, quiet=0.01), "long")
    assert caught.value.usage == Usage(10, 4, 3, batched=True)


@pytest.mark.parametrize("status", ["expired", "cancelled"])
async def test_a_batch_that_ended_early_gives_what_it_has(
    batches: Batches, stub: StubBatches, status: str
) -> None:
    stub.status = status
    chat = BatchedChat(batches, quiet=0.01)
    done, lost = ask(chat, "a"), ask(chat, "lost")
    assert (await done).text == "About a."
    assert await reason(lost) == "unavailable"


async def test_a_batch_that_is_refused_is_the_error_of_each(
    batches: Batches, stub: StubBatches
) -> None:
    stub.status = "failed"
    chat = BatchedChat(batches, quiet=0.01)
    assert [await reason(ask(chat, text)) for text in "ab"] == ["rejected", "rejected"]


async def test_a_look_that_fails_for_a_while_is_repeated(
    batches: Batches, stub: StubBatches
) -> None:
    stub.faults = [500, 429, 503]
    assert (await ask(BatchedChat(batches, quiet=0.01), "a")).text == "About a."


async def test_a_batch_that_was_left_is_resumed_and_not_paid_again(
    batches: Batches, stub: StubBatches
) -> None:
    lines = [line_of("m", (Message("user", text),)) for text in ("a", "lost")]
    name = await batches.submit(lines)
    chat = BatchedChat(batches, resume=[name], quiet=0.01)
    assert (await ask(chat, "a")).text == "About a."
    assert len(stub.batches) == 1
    assert await reason(ask(chat, "lost")) == "unavailable"
    assert len(stub.batches) == 2


async def test_an_unknown_batch_is_told(batches: Batches) -> None:
    assert await reason(ask(BatchedChat(batches, resume=["nope"]), "a")) == "unknown_model"


async def test_a_server_without_batches_is_the_error_of_each() -> None:
    from aiohttp import web

    async with TestServer(web.Application()) as server:
        batches = Batches(ModelSpec(model="m", base_url=str(server.make_url("/v1"))))
        assert await reason(ask(BatchedChat(batches, quiet=0.01), "a")) == "unknown_model"
        await batches.close()


def test_a_line_is_the_documented_one_and_is_named_by_its_question() -> None:
    line = line_of("m", (Message("user", "약"),), {"type": "object"})
    written = json.loads(line.body)
    assert (written["method"], written["url"]) == ("POST", "/v1/chat/completions")
    assert written["custom_id"] == line.id
    assert written["body"]["response_format"]["type"] == "json_schema"
    assert line.id == line_of("m", (Message("user", "약"),), {"type": "object"}).id
    assert line.id != line_of("m2", (Message("user", "약"),), {"type": "object"}).id


def test_lines_are_split_where_a_batch_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line_of("m", (Message("user", text),)) for text in "abcde"]
    monkeypatch.setattr(module, "MAX_LINES", 2)
    assert [len(batch) for batch in split(lines)] == [2, 2, 1]
    monkeypatch.setattr(module, "MAX_BYTES", len(lines[0].body))
    assert [len(batch) for batch in split(lines)] == [1] * 5
    assert list(split([])) == []


async def test_a_stream_is_the_whole_answer_at_once(batches: Batches) -> None:
    chat = BatchedChat(batches, quiet=0.01)
    deltas = [delta async for delta in chat.stream((Message("user", "a"),))]
    assert [delta.text for delta in deltas] == ["About a.", ""]
    assert deltas[1].finish == "stop"


async def test_closing_ends_the_waiting(batches: Batches, stub: StubBatches) -> None:
    stub.looks = 1_000_000
    chat = BatchedChat(batches, quiet=0.01)
    waiting = ask(chat, "a")
    while not stub.batches:
        await asyncio.sleep(0.01)
    await chat.close()
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
