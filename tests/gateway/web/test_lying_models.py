"""The tenth of the nastiest failures: a model that lies politely, all the way to the caller."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp.test_utils import TestServer

from gateway.assembly import open_gateway
from gateway.config import load_config
from tests.adapters.llm.stub_chat import StubChat, chunk, completion, failure
from tests.serving import decoded, served
from tests.stub_upstream import Reply, StubUpstream, source

HALF = "Aspirin relieves"
"""The start of an answer that must reach no cache."""
RECORD = {"id": "1", "name": "Aspirin", "use": "Aspirin relieves pain. Take one tablet a day."}
THREE = [chunk("Aspirin "), chunk("relieves "), chunk("pain")]
AZURE = chunk(None) | {"choices": [], "prompt_filter_results": []}


@asynccontextmanager
async def lied_to(folder: Path, chat: StubChat) -> AsyncIterator[aiohttp.ClientSession]:
    async with StubUpstream(Reply(records=[RECORD])) as upstream, TestServer(chat.app()) as model:
        document = {
            "database": {"url": f"sqlite+aiosqlite:///{folder / 'lookup.db'}"},
            "llm": {"base_url": str(model.make_url("/v1")), "api_key": "k", "model": "m"},
            "sources": {"drugs": source(upstream.url, summary={"language": "en"})},
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(document))
        config = load_config(folder / "config.yaml", {})
        async with open_gateway(config) as gateway, served(gateway) as client:
            yield client


async def get(client: aiohttp.ClientSession) -> Any:
    async with client.get("/v1/search", params={"source": "drugs", "q": "aspirin"}) as response:
        assert response.status == 200
        return json.loads(await decoded(response))


def written_by_the_model(answer: Any) -> bool:
    return answer["summary"] is not None and answer["summary"]["by"].startswith("openai")


@pytest.mark.parametrize(
    ("events", "cut"),
    [
        ([*THREE, failure("server_error")], False),
        (THREE, True),
        (THREE, False),
        ([*THREE, "[DONE]"], False),
        ([AZURE, *THREE, chunk("", "length"), "[DONE]"], False),
        ([AZURE], False),
        ([], False),
    ],
    ids=["error-in-200", "cut", "no-end", "no-finish", "length", "only-azure", "empty"],
)
async def test_10_a_stream_that_breaks_leaves_the_records_and_no_half_of_a_summary(
    tmp_path: Path, events: Sequence[object], cut: bool
) -> None:
    chat = StubChat()
    chat.events, chat.cut = events, cut
    chat.body, chat.status = failure("server_error"), 500
    async with lied_to(tmp_path, chat) as client:
        asked = {"source": "drugs", "q": "aspirin"}
        async with client.get("/v1/search/stream", params=asked) as response:
            told = (await decoded(response)).decode()
        assert '"name":"Aspirin"' in told
        after = await get(client)
        assert after["items"][0]["name"] == "Aspirin"
        assert not written_by_the_model(after)


@pytest.mark.parametrize(
    ("status", "body", "stands_in"),
    [
        (429, failure("insufficient_quota", "insufficient_quota"), ""),
        (429, failure("rate_limit_exceeded"), ""),
        (200, completion(HALF, "length"), ""),
        (200, completion(""), ""),
        (200, completion(None, "content_filter"), "extractive"),
        (200, {"id": "r1", "object": "response", "status": "failed", "error": {"code": "x"}}, ""),
        (200, {"error": {"message": "busy", "code": 500}}, ""),
    ],
)
async def test_10_a_model_that_fails_politely_costs_the_caller_the_summary_alone(
    tmp_path: Path, status: int, body: object, stands_in: str
) -> None:
    chat = StubChat()
    chat.status, chat.body = status, body
    chat.headers = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}
    async with lied_to(tmp_path, chat) as client:
        first, second = await get(client), await get(client)
    for answer in (first, second):
        assert answer["items"][0]["name"] == "Aspirin"
        assert (answer["summary"] or {}).get("by", "") == stands_in
        assert answer["degraded"] == ["summary"]
