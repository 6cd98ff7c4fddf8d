"""An upstream whose truth has a number: the generation of a query, which the checker bumps."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Self

import orjson
from aiohttp import web


class Upstream:
    """Answers with the generation that holds when it is asked, a moment later."""

    def __init__(self, longest: float = 0.01, seed: int = 0) -> None:
        self.generations: Counter[str] = Counter()
        self.calls: Counter[tuple[str, int]] = Counter()
        """By query and generation."""
        self.longest = longest
        """Seconds that an answer takes at most."""
        self._random = random.Random(seed)
        self._runner: web.AppRunner | None = None
        self.url = ""

    def bump(self, *queries: str) -> dict[str, int]:
        """Have something new to say of *queries*; return their generations."""
        for query in queries:
            self.generations[query] += 1
        return {query: self.generations[query] for query in queries}

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/items", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{site.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        query = request.query["q"]
        generation = self.generations[query]
        self.calls[query, generation] += 1
        await asyncio.sleep(self._random.random() * self.longest)
        record = {"id": query, "name": query, "use": str(generation)}
        return web.Response(
            body=orjson.dumps({"total": 1, "items": [record]}), content_type="application/json"
        )
