"""A chat server that misbehaves as told, on a real port."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web


class StubChat:
    """Gives the one answer that it was told to give, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body: object = completion("It is a pill.")
        self.events: Sequence[object] | None = None
        self.permits = asyncio.Semaphore(1_000_000)
        """Each event of a stream takes one."""
        self.hang = False
        self.cut = False
        self.refuses: Callable[[dict[str, Any]], bool] = lambda asked: False
        """What it answers with a 422, whatever else it was told."""

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        if self.refuses(self.asked[-1]):
            return web.json_response({"object": "error", "message": "what?"}, status=422)
        if self.hang:
            await asyncio.sleep(30)
        if self.events is not None and self.asked[-1].get("stream"):
            return await self._stream(request)
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return web.Response(
            status=self.status,
            headers=self.headers,
            text=text,
            content_type="application/json",
        )

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in self.events or ():
            await self.permits.acquire()
            data = event if isinstance(event, str) else json.dumps(event)
            await response.write(f"data: {data}\n\n".encode())
        if self.cut:
            assert request.transport is not None
            request.transport.abort()
        return response


def completion(text: str | None, finish: str | None = "stop", **message: object) -> dict[str, Any]:
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "message": {"role": "assistant", "content": text, **message},
            }
        ],
    }


def chunk(text: str | None, finish: str | None = None, **more: object) -> dict[str, Any]:
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}],
        **more,
    }


def failure(code: str, kind: str = "error") -> dict[str, Any]:
    return {"error": {"message": "sk-SECRET was wrong", "type": kind, "code": code, "param": None}}
