"""A chat server that writes what the records say and counts the tokens of what it does."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from aiohttp import web

from tests.adapters.llm.stub_chat import completion

_USE = re.compile(r'"use": "([^"]*)"')


class CountingChat:
    """Repeats the ``use`` of records; a quarter of a prompt is cached, four bytes are a token."""

    def __init__(self) -> None:
        self.calls = 0
        self.tokens: Counter[str] = Counter()
        """``prompt``, ``cached`` and ``completion``, as it told them."""

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.Response:
        return web.json_response(self.write(await request.json()))

    def write(self, asked: dict[str, Any]) -> dict[str, Any]:
        prompt = "".join(message["content"] for message in asked["messages"])
        text = " ".join(_USE.findall(prompt)) or "Nothing."
        usage = Counter(
            prompt=_tokens(prompt), cached=_tokens(prompt) // 4, completion=_tokens(text)
        )
        self.calls += 1
        self.tokens += usage
        told = {
            "prompt_tokens": usage["prompt"],
            "completion_tokens": usage["completion"],
            "prompt_tokens_details": {"cached_tokens": usage["cached"]},
        }
        return json.loads(json.dumps(completion(text) | {"usage": told}))  # type: ignore[no-any-return]


def _tokens(text: str) -> int:
    return len(text.encode()) // 4
