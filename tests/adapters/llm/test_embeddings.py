"""Texts that are wanted at once are embedded in one call, and faults have one class."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.errors import SummaryError
from adapters.llm.embeddings import Embeddings
from adapters.summarizers.base import Usage


class Stub:
    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.status = 200
        self.short = False
        self.tokens: int | None = None

    async def answer(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.asked.append(asked)
        texts = asked["input"][1:] if self.short else asked["input"]
        data = [
            {"object": "embedding", "index": index, "embedding": [float(len(text)), 1.0]}
            for index, text in enumerate(texts)
        ]
        usage = {} if self.tokens is None else {"usage": {"prompt_tokens": self.tokens}}
        return web.json_response({"data": data[::-1], "model": "e", **usage}, status=self.status)


@pytest.fixture
def stub() -> Stub:
    return Stub()


@pytest.fixture
async def embeddings(stub: Stub) -> AsyncIterator[Embeddings]:
    app = web.Application()
    app.router.add_post("/v1/embeddings", stub.answer)
    server = TestServer(app)
    await server.start_server()
    made = Embeddings(str(server.make_url("/v1")), "", "e", timeout=5)
    yield made
    await made.close()
    await server.close()


async def test_texts_of_one_moment_go_in_one_call_each_with_its_own_vector(
    embeddings: Embeddings, stub: Stub
) -> None:
    found = await asyncio.gather(*(embeddings.embed("x" * n) for n in range(1, 101)))
    assert [one.vector[0] for one in found] == list(range(1, 101))
    assert sorted(len(asked["input"]) for asked in stub.asked) == [36, 64]


async def test_an_empty_text_and_a_long_one_are_within_what_servers_take(
    embeddings: Embeddings, stub: Stub
) -> None:
    await asyncio.gather(embeddings.embed(""), embeddings.embed("x" * 10_000))
    assert [len(text) for text in stub.asked[0]["input"]] == [1, 8000]


async def test_every_text_of_a_failed_call_gets_its_error(
    embeddings: Embeddings, stub: Stub
) -> None:
    stub.status = 500
    texts = (embeddings.embed("a"), embeddings.embed("b"))
    found = await asyncio.gather(*texts, return_exceptions=True)
    assert [error.reason for error in found if isinstance(error, SummaryError)] == [
        "unavailable",
        "unavailable",
    ]


async def test_an_answer_with_too_few_vectors_is_malformed(
    embeddings: Embeddings, stub: Stub
) -> None:
    stub.short = True
    with pytest.raises(SummaryError) as caught:
        await asyncio.gather(embeddings.embed("a"), embeddings.embed("b"))
    assert caught.value.reason == "malformed"


async def test_the_tokens_of_a_call_are_those_of_its_texts_together(
    embeddings: Embeddings, stub: Stub
) -> None:
    stub.tokens = 101
    texts = ("x" * 10, "약" * 10, "x" * 7)
    found = await asyncio.gather(*map(embeddings.embed, texts))
    shares = [one.tokens or 0 for one in found]
    assert sum(shares) == 101
    assert shares == [21, 64, 16]  # by bytes: a Korean syllable is three, and about a token


async def test_tokens_that_nobody_told_are_unknown(embeddings: Embeddings) -> None:
    assert (await embeddings.embed("a")).tokens is None


async def test_what_an_unusable_answer_took_is_told_with_its_error(
    embeddings: Embeddings, stub: Stub
) -> None:
    stub.short, stub.tokens = True, 9
    texts = (embeddings.embed("a"), embeddings.embed("bb"))
    found = await asyncio.gather(*texts, return_exceptions=True)
    usages = [error.usage for error in found if isinstance(error, SummaryError)]
    assert usages == [Usage(3, None, 0), Usage(6, None, 0)]
