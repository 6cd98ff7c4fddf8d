"""With several models, the next one answers; a single one is left alone when it asks to be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from adapters.breaker import Breaker
from adapters.errors import SummaryError
from adapters.llm.chain import ModelChain
from adapters.llm.chat import Completion, Message
from adapters.llm.limits import Limits
from adapters.llm.lost_calls import LostCall, lost_calls
from adapters.llm.model import Model
from adapters.llm.openai import OpenAIChat
from adapters.summarizers.base import Usage
from tests.adapters.llm.stub_chat import StubChat, chunk, completion, failure

HELLO = (Message("user", "hello"),)


class World:
    """Two models on two servers, and a chain of both."""

    def __init__(self) -> None:
        self.stubs = [StubChat(), StubChat()]
        self.urls: list[str] = []
        self.models: list[Model] = []

    def model(self, number: int, timeout: float = 40) -> Model:
        """Return one of the two; nobody is waited for that long where all is well."""
        name, limits = ("one", "two")[number], Limits()
        chat = OpenAIChat(self.urls[number], "sk-SECRET", name, timeout, limits=limits)
        return Model(chat, breaker(name), limits)

    def chain(self, **options: float) -> ModelChain:
        return ModelChain(self.models, **options)

    @property
    def asked(self) -> list[int]:
        return [len(stub.asked) for stub in self.stubs]


def breaker(name: str) -> Breaker:
    return Breaker(name, 2, 60.0, clock=time.monotonic, on_change=lambda *_: None)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    servers = [TestServer(stub.app()) for stub in world.stubs]
    for number, server in enumerate(servers):
        await server.start_server()
        world.urls.append(str(server.make_url("/v1")))
        world.models.append(world.model(number))
        world.stubs[number].body = completion(f"From {('one', 'two')[number]}.")
    yield world
    await world.chain().close()
    for server in servers:
        await server.close()


async def test_the_first_model_answers_and_says_so(world: World) -> None:
    answer = await world.chain().complete(HELLO)
    assert (answer.text, answer.model) == ("From one.", "one")
    assert world.asked == [1, 0]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, failure("server_error")),
        (429, failure("rate_limit_exceeded")),
        (429, failure("insufficient_quota")),
        (401, failure("invalid_api_key")),
        (404, failure("model_not_found")),
        (400, failure("content_filter")),
        (200, "no JSON"),
        (200, completion(None, refusal="no")),
    ],
)
async def test_the_next_one_answers_where_the_first_does_not(
    world: World, status: int, body: object
) -> None:
    world.stubs[0].status, world.stubs[0].body = status, body
    answer = await world.chain().complete(HELLO)
    assert (answer.text, answer.model) == ("From two.", "two")


async def test_one_that_is_too_slow_is_given_up(world: World) -> None:
    world.stubs[0].hang = True
    await world.models[0].close()
    world.models[0] = world.model(0, timeout=0.2)
    assert (await world.chain().complete(HELLO)).model == "two"


async def test_an_answer_that_was_cut_off_would_be_cut_off_again(world: World) -> None:
    world.stubs[0].body = completion("It is a", "length")
    with pytest.raises(SummaryError) as caught:
        await world.chain().complete(HELLO)
    assert caught.value.reason == "truncated"
    assert world.asked == [1, 0]


async def test_a_model_whose_circuit_is_open_is_not_asked(world: World) -> None:
    world.stubs[0].status, world.stubs[0].body = 500, failure("server_error")
    chain = world.chain()
    assert [(await chain.complete(HELLO)).model for _ in range(4)] == ["two"] * 4
    assert world.asked == [2, 4]


async def test_when_every_circuit_is_open_that_is_said(world: World) -> None:
    chain = world.chain()
    for stub in world.stubs:
        stub.status, stub.body = 500, failure("server_error")
    reasons = []
    for _ in range(3):
        with pytest.raises(SummaryError) as caught:
            await chain.complete(HELLO)
        reasons.append(caught.value.reason)
    assert reasons == ["unavailable", "unavailable", "circuit_open"]
    assert caught.value.retry_after


async def test_a_limited_model_is_left_alone_for_as_long_as_it_asked(world: World) -> None:
    one = world.stubs[0]
    one.status, one.body = 429, failure("rate_limit_exceeded")
    one.headers = {"retry-after": "60"}
    chain = world.chain()
    assert [(await chain.complete(HELLO)).model for _ in range(3)] == ["two"] * 3
    assert world.asked == [1, 3]


@pytest.mark.parametrize("kind", ["requests", "tokens"])
async def test_a_model_whose_headers_leave_nothing_is_not_asked_again(
    world: World, kind: str
) -> None:
    world.stubs[0].headers = {
        f"x-ratelimit-remaining-{kind}": "0",
        f"x-ratelimit-reset-{kind}": "6m0s",
    }
    chain = world.chain()
    assert [(await chain.complete(HELLO)).model for _ in range(2)] == ["one", "two"]
    assert world.asked == [1, 1]


async def test_a_short_limit_of_the_only_model_is_waited_for(world: World) -> None:
    stub = world.stubs[0]
    stub.headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "120ms"}
    chain = ModelChain(world.models[:1])
    await chain.complete(HELLO)
    started = time.monotonic()
    await chain.complete(HELLO)
    assert time.monotonic() - started >= 0.1


async def test_a_long_limit_of_the_only_model_is_an_error_with_its_time(world: World) -> None:
    stub = world.stubs[0]
    stub.headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "60s"}
    chain = ModelChain(world.models[:1])
    await chain.complete(HELLO)
    with pytest.raises(SummaryError) as caught:
        await chain.complete(HELLO)
    assert caught.value.reason == "rate_limited"
    assert 50 < (caught.value.retry_after or 0) <= 60
    assert world.asked == [1, 0]


async def test_a_slow_call_is_hedged_and_the_first_answer_taken(world: World) -> None:
    world.stubs[0].hang = True
    async with asyncio.timeout(20):  # half of what the first is given
        answer = await world.chain(hedge_after=0.05).complete(HELLO)
    assert answer.model == "two"
    assert world.asked == [1, 1]


async def test_what_the_others_took_is_heard(world: World) -> None:
    usage = {"usage": {"prompt_tokens": 10, "completion_tokens": 3}}
    world.stubs[0].body = completion(None, refusal="no") | usage
    with lost_calls() as lost:
        assert (await world.chain().complete(HELLO)).model == "two"
    (call,) = lost
    assert (call.model, call.error and call.error.usage) == ("one", Usage(10, None, 3))


async def test_a_call_that_was_outrun_is_heard_as_one_that_was_cancelled(world: World) -> None:
    world.stubs[0].hang = True
    with lost_calls() as lost:
        await world.chain(hedge_after=0.05).complete(HELLO)
    assert lost == [LostCall("one", None)]


async def test_of_two_answers_at_once_the_second_is_heard_with_its_usage(world: World) -> None:
    both = asyncio.Event()
    usage = Usage(10, None, 3)

    class Simultaneous(Model):
        async def complete(
            self, messages: Sequence[Message], schema: Mapping[str, Any] | None = None
        ) -> Completion:
            if self.model == "two":
                both.set()
            await both.wait()
            return Completion("Hello.", usage=usage, model=self.model)

    models = [Simultaneous(model, breaker(model.model)) for model in world.models]
    with lost_calls() as lost:
        answer = await ModelChain(models, hedge_after=0.01).complete(HELLO)
    (call,) = lost
    assert {answer.model, call.model} == {"one", "two"}
    assert call.error is not None
    assert call.error.usage == usage


async def test_a_quick_call_is_not_hedged(world: World) -> None:
    assert (await world.chain(hedge_after=30).complete(HELLO)).model == "one"
    assert world.asked == [1, 0]


async def test_a_stream_goes_on_with_the_next_one_only_before_its_first_word(world: World) -> None:
    two = [chunk("From two."), chunk("", "stop"), "[DONE]"]
    world.stubs[0].status, world.stubs[1].events = 500, two
    deltas = [delta async for delta in world.chain().stream(HELLO)]
    assert (deltas[0].text, deltas[-1].model) == ("From two.", "two")
    world.stubs[0].status, world.stubs[0].events = 200, [chunk("From"), failure("server_error")]
    with pytest.raises(SummaryError):
        [delta async for delta in world.chain().stream(HELLO)]
    assert world.asked == [2, 1]
