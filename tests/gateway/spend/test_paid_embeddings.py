"""Over a gateway with a model of embeddings: the ledger agrees with what that model counted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.assembly import open_gateway
from gateway.config import load_config
from gateway.spend.prices import NANOS
from storage.spend import Amounts
from tests.counting_chat import CountingChat
from tests.serving import served
from tests.stub_upstream import Reply, StubUpstream, source

RECORD = {"id": "1", "name": "", "use": "It is used against pain. Take one tablet a day."}


class CountingEmbeddings:
    """Every text is a vector of its own length; four bytes are a token, a call has two more."""

    def __init__(self) -> None:
        self.texts = 0
        self.tokens = 0

    async def answer(self, request: web.Request) -> web.Response:
        asked = await request.json()
        texts = asked["input"]
        tokens = sum(len(text.encode()) // 4 for text in texts) + 2
        self.texts += len(texts)
        self.tokens += tokens
        data = [{"index": n, "embedding": [1.0, float(len(t))]} for n, t in enumerate(texts)]
        return web.json_response(
            {"data": data, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
        )


async def test_the_ledger_and_stats_agree_with_the_models_own_count_of_tokens(
    tmp_path: Path,
) -> None:
    embeddings, app = CountingEmbeddings(), CountingChat().app()
    app.router.add_post("/v1/embeddings", embeddings.answer)
    async with StubUpstream(Reply(records=[RECORD], echo=True)) as upstream, TestServer(app) as llm:
        document: dict[str, Any] = {
            "database": {"url": f"sqlite+aiosqlite:///{tmp_path / 'lookup.db'}"},
            "llm": {
                "base_url": str(llm.make_url("/v1")),
                "model": "m",
                "embeddings": {"model": "e"},
                "prices": {"m": {"input": 1, "output": 1}, "e": {"input": 20, "output": 0}},
            },
            "budgets": {"day": 5},
            "shedding": {"delay": 0},
            "sources": {"s": source(upstream.url, summary={"language": "en"})},
        }
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(document))
        async with open_gateway(load_config(path, {})) as gateway, served(gateway) as client:

            async def ask(name: str) -> None:
                params = {"source": "s", "q": name}
                async with client.get("/v1/search", params=params) as response:
                    assert response.status == 200
                    assert (await response.json())["summary"] is not None

            for _ in range(2):
                await asyncio.gather(*(ask(f"pill {letter}") for letter in "abcdefgh"))
            async with client.get("/v1/stats") as response:
                told = (await response.json())["spend"]["today"]["by_model"]["e"]
            accounts = gateway.money.ledger.accounts()
            spent = [amounts for account, amounts in accounts.items() if account.model == "e"]
    expected = Amounts(
        calls=8, prompt_tokens=embeddings.tokens, spent=embeddings.tokens * 20 * NANOS // 1_000_000
    )
    assert (embeddings.texts, spent) == (8, [expected])
    assert (told["calls"], told["prompt_tokens"]) == (8, embeddings.tokens)
