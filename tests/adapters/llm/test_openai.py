"""Whatever a chat server does, the answer is whole or one `SummaryError`."""

import subprocess
import sys
from typing import Any

import pytest

from adapters.errors import SummaryError
from adapters.llm.chat import Delta, Message
from adapters.llm.openai import OpenAIChat
from adapters.llm.report import parse_report
from adapters.summarizers.base import Usage
from tests.adapters.llm.stub_chat import StubChat, chunk, completion, failure

HELLO = (Message("user", "hello"),)


async def reason(chat: OpenAIChat) -> str:
    with pytest.raises(SummaryError) as caught:
        await chat.complete(HELLO)
    assert "SECRET" not in str(caught.value)
    return caught.value.reason


def test_the_sdk_is_not_loaded_before_anybody_has_chosen_it() -> None:
    code = "import sys, adapters.summarizers.openai; sys.exit('openai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_a_whole_answer_comes_with_its_usage(chat: OpenAIChat, stub: StubChat) -> None:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    stub.body = completion("It is a pill.") | {"usage": usage}
    answer = await chat.complete(HELLO)
    assert answer.text == "It is a pill."
    assert answer.usage == Usage(prompt_tokens=10, cached_tokens=4, completion_tokens=3)
    assert stub.asked[0]["messages"] == [{"role": "user", "content": "hello"}]


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": 0, "completion_tokens": None}])
async def test_unknown_usage_stays_unknown(chat: OpenAIChat, stub: StubChat, usage: object) -> None:
    stub.body = completion("It is a pill.") | {"usage": usage}
    assert (await chat.complete(HELLO)).usage == Usage()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (429, failure("rate_limit_exceeded"), "rate_limited"),
        (429, failure("insufficient_quota", "insufficient_quota"), "quota"),
        (400, failure("context_length_exceeded"), "too_long"),
        (400, failure("content_filter"), "refused"),
        (401, failure("invalid_api_key"), "unauthorized"),
        (404, failure("model_not_found"), "unknown_model"),
        (422, {"object": "error", "message": "no stream_options"}, "rejected"),
        (500, "Internal Server Error", "unavailable"),
        (503, {"error": {"code": 503, "message": "loading"}}, "unavailable"),
        (200, '{"choices": [', "malformed"),
        (200, '"just text"', "malformed"),
        (200, "[]", "malformed"),
        (200, {"object": "chat.completion"}, "malformed"),
        (200, completion("x") | {"choices": []}, "malformed"),
        (200, completion(""), "malformed"),
        (200, completion(None, "tool_calls"), "malformed"),
        (200, completion("It is a", "length"), "truncated"),
        (200, completion("It is a", None), "truncated"),
        (200, completion("", "content_filter"), "refused"),
        (200, completion(None, refusal="I cannot."), "refused"),
    ],
)
async def test_a_bad_answer_has_one_word_for_its_reason(
    chat: OpenAIChat, stub: StubChat, status: int, body: object, expected: str
) -> None:
    stub.status, stub.body = status, body
    assert await reason(chat) == expected
    assert len(stub.asked) == 1, "the gateway owns retries, not the SDK"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After-Ms": "250", "Retry-After": "7"}, 0.25),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
async def test_the_wait_that_the_server_asks_for_is_known(
    chat: OpenAIChat, stub: StubChat, headers: dict[str, str], seconds: float | None
) -> None:
    stub.status, stub.headers, stub.body = 429, headers, failure("rate_limit_exceeded")
    with pytest.raises(SummaryError) as caught:
        await chat.complete(HELLO)
    assert caught.value.retry_after == seconds


async def test_a_hung_server_is_given_up_at_the_deadline(url: str, stub: StubChat) -> None:
    stub.hang = True
    hasty = OpenAIChat(url, "sk-SECRET", "m", timeout=0.2)
    assert await reason(hasty) == "timeout"
    await hasty.close()


async def test_a_server_that_is_not_there_is_unavailable(unused_tcp_port: int) -> None:
    chat = OpenAIChat(f"http://127.0.0.1:{unused_tcp_port}/v1", "", "m", timeout=5)
    assert await reason(chat) == "unavailable"
    await chat.close()


async def test_a_schema_is_asked_for_as_structured_output(chat: OpenAIChat, stub: StubChat) -> None:
    stub.body = completion('{"risk": 3}')
    schema = {"type": "object"}
    assert parse_report((await chat.complete(HELLO, schema)).text) == {"risk": 3}
    assert stub.asked[0]["response_format"]["json_schema"]["schema"] == schema


@pytest.mark.parametrize("text", ["not json", "[1]", '"text"', ""])
def test_a_report_that_is_no_object_is_malformed(text: str) -> None:
    with pytest.raises(SummaryError, match="report"):
        parse_report(text)


def test_a_report_may_stand_in_a_fence() -> None:
    assert parse_report('```json\n{"risk": 3}\n```') == {"risk": 3}


async def streamed(chat: OpenAIChat) -> list[Delta]:
    return [delta async for delta in chat.stream(HELLO)]


async def test_a_stream_ends_with_how_it_ended_and_what_it_used(
    chat: OpenAIChat, stub: StubChat
) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 2}
    azure = chunk(None) | {"choices": [], "prompt_filter_results": []}
    null_delta = chunk(None)
    null_delta["choices"][0]["delta"] = None
    last = chunk(None) | {"choices": [], "usage": usage}
    stub.events = [
        azure,
        null_delta,
        chunk("It is "),
        chunk("a pill."),
        chunk(None, "stop"),
        last,
        "[DONE]",
    ]
    assert await streamed(chat) == [
        Delta("It is "),
        Delta("a pill."),
        Delta(finish="stop", usage=Usage(prompt_tokens=9, completion_tokens=2)),
    ]


async def test_usage_may_come_with_the_finish_reason(chat: OpenAIChat, stub: StubChat) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 2}
    stub.events = [chunk("A pill."), chunk(None, "stop", usage=usage), "[DONE]"]
    assert (await streamed(chat))[-1].usage == Usage(prompt_tokens=9, completion_tokens=2)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([chunk("It is")], "truncated"),
        ([chunk("It is"), "[DONE]"], "truncated"),
        ([chunk("It is"), chunk("", "length"), "[DONE]"], "truncated"),
        ([chunk("It is"), failure("server_error")], "unavailable"),
        ([chunk("It is"), failure("rate_limit_exceeded")], "rate_limited"),
        ([chunk("It is"), "{broken"], "malformed"),
        ([chunk("", "stop"), "[DONE]"], "malformed"),
        ([], "truncated"),
    ],
)
async def test_a_broken_stream_ends_in_an_error(
    chat: OpenAIChat, stub: StubChat, events: list[object], expected: str
) -> None:
    stub.events = events
    with pytest.raises(SummaryError) as caught:
        await streamed(chat)
    assert caught.value.reason == expected


async def test_a_dropped_connection_ends_a_stream_in_an_error(
    chat: OpenAIChat, stub: StubChat
) -> None:
    stub.events, stub.cut = [chunk("It is")], True
    with pytest.raises(SummaryError) as caught:
        await streamed(chat)
    assert caught.value.reason in {"unavailable", "truncated"}


SCHEMA = {"type": "object", "properties": {"risk": {"type": "number", "x-grounded": False}}}


def form(asked: dict[str, Any]) -> str:
    wanted = asked.get("response_format", {"type": "none"})
    strict = wanted.get("json_schema", {}).get("strict", False)
    return "strict" if strict else str(wanted["type"])


async def test_a_report_is_asked_for_strictly_and_without_our_keywords(
    chat: OpenAIChat, stub: StubChat
) -> None:
    await chat.complete(HELLO, SCHEMA)
    assert stub.asked[0]["response_format"] == {
        "type": "json_schema",
        "json_schema": {
            "name": "report",
            "strict": True,
            "schema": {"type": "object", "properties": {"risk": {"type": "number"}}},
        },
    }


@pytest.mark.parametrize(
    ("taken", "tried"),
    [
        ("json_schema", ["strict", "json_schema"]),
        ("json_object", ["strict", "json_schema", "json_object"]),
        ("none", ["strict", "json_schema", "json_object", "none"]),
    ],
)
async def test_a_server_that_refuses_a_form_is_asked_in_the_next_and_remembered(
    chat: OpenAIChat, stub: StubChat, taken: str, tried: list[str]
) -> None:
    stub.refuses = lambda asked: form(asked) != taken
    assert (await chat.complete(HELLO, SCHEMA)).text
    assert (await chat.complete(HELLO, SCHEMA)).text
    assert [form(asked) for asked in stub.asked] == [*tried, taken]


async def test_what_is_refused_in_every_form_is_refused(chat: OpenAIChat, stub: StubChat) -> None:
    stub.refuses = lambda asked: True
    with pytest.raises(SummaryError) as caught:
        await chat.complete(HELLO, SCHEMA)
    assert caught.value.reason == "rejected"


async def test_a_server_that_counts_no_streams_streams_all_the_same(
    chat: OpenAIChat, stub: StubChat
) -> None:
    stub.refuses = lambda asked: "stream_options" in asked
    stub.events = [chunk("It is"), chunk("", "stop"), "[DONE]"]
    for _ in range(2):
        assert [delta.text for delta in await streamed(chat)] == ["It is", ""]
    assert ["stream_options" in asked for asked in stub.asked] == [True, False, False]
