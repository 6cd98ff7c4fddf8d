"""An upstream whose truth has a number: the generation of a query, which the checker bumps."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

import orjson
from aiohttp import web


@dataclass(frozen=True, slots=True)
class Held:
    """Answers that are not given yet."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there is one."""
    end: asyncio.Event = field(default_factory=asyncio.Event)


class Upstream:
    """Answers with the generation that holds when it is asked, a moment later."""

    def __init__(self, longest: float = 0.01, seed: int = 0) -> None:
        self.generations: Counter[str] = Counter()
        self.calls: Counter[tuple[str, int]] = Counter()
        """By query and generation."""
        self._longest = longest
        self._random = random.Random(seed)
        self._held: dict[str, Held] = {}
        self._runner: web.AppRunner | None = None
        self.url = ""

    def bump(self, *queries: str) -> dict[str, int]:
        """Have something new to say of *queries*; return their generations."""
        for query in queries:
            self.generations[query] += 1
        return {query: self.generations[query] for query in queries}

    @contextmanager
    def holding(self, query: str) -> Iterator[Held]:
        """Let who asks for *query* have what holds now, and no sooner than the context ends."""
        held = self._held[query] = Held()
        try:
            yield held
        finally:
            del self._held[query]
            held.end.set()

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
        held = self._held.get(query)
        await asyncio.sleep(self._random.random() * self._longest)
        if held is not None:
            held.asked.set()
            await held.end.wait()
        record = {"id": query, "name": query, "use": str(generation)}
        return web.Response(
            body=orjson.dumps({"total": 1, "items": [record]}), content_type="application/json"
        )
