"""A served gateway over a stub upstream and a stub model, and what its streams tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import yaml
from aiohttp.test_utils import TestServer

from gateway.assembly import Gateway, open_gateway
from gateway.config import load_config
from gateway.events import Event, Events
from tests.adapters.llm.stub_chat import StubChat, chunk, completion
from tests.serving import served
from tests.stub_upstream import Reply, StubUpstream, source
from tests.waiting import eventually

GOOD = ("A pill ", "for a headache. ", "Take 500 mg at most.")
RECORD = {"id": "1", "name": "pill", "use": "For a headache. Take 500 mg at most."}
Told = tuple[str, Any]


def written(*pieces: str, finish: str | None = "stop") -> list[object]:
    """Return the events of a model's stream."""
    return [*map(chunk, pieces), *([chunk(None, finish), "[DONE]"] if finish else [])]


class World:
    """A served gateway, what it asks, and what it says happened."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.upstream = StubUpstream(Reply(records=[RECORD]))
        self.chat = StubChat()
        self.chat.events = written(*GOOD)
        self.chat.body = completion("".join(GOOD))
        self.seen: list[Event] = []
        self._folder = folder
        self._stack = stack
        self.gateway: Gateway
        self.client: aiohttp.ClientSession

    async def open(self, **server: object) -> None:
        await self._stack.enter_async_context(self.upstream)
        model = TestServer(self.chat.app())
        await self._stack.enter_async_context(model)
        summary = {"by": "openai", "language": "en", "roles": {"purpose": ["use"]}}
        shaped = {**summary, "sessions": True}
        limits = {"retries": 0}
        document: dict[str, Any] = {
            "server": server,
            "database": {"url": f"sqlite+aiosqlite:///{self._folder / 'stream.db'}"},
            "llm": {"base_url": str(model.make_url("/v1")), "model": "m", "timeout": "20s"},
            "sources": {
                "medicine": source(
                    self.upstream.url,
                    limits=limits,
                    summary=summary,
                    context={"pregnancy": [True, False], "age": ["child", "adult"]},
                ),
                "shaped": source(self.upstream.url, limits=limits, summary=shaped),
                "plain": source(self.upstream.url, limits=limits, summary={"by": "none"}),
            },
        }
        document["sources"]["plain"]["request"]["max_bytes"] = "16MiB"
        path = self._folder / "config.yaml"
        path.write_text(yaml.safe_dump(document))
        opened = open_gateway(load_config(path, {}), events=Events(self.seen.append))
        self.gateway = await self._stack.enter_async_context(opened)
        self.client = await self._stack.enter_async_context(served(self.gateway))
        url = self.client._base_url
        assert url is not None
        self.address = (url.host, url.port)

    async def asked(self, count: int = 1) -> None:
        """Return when the model was asked so many times."""
        await eventually(lambda: len(self.chat.asked) >= count)

    def allow(self, count: int) -> None:
        """Let the model send so many more events."""
        for _ in range(count):
            self.chat.permits.release()

    async def waiting(self, count: int) -> None:
        """Return when so many wait for a flight."""
        await eventually(lambda: self.gateway.flights.waiters >= count)

    async def landed(self) -> None:
        """Return when no flight is in the air."""
        await eventually(lambda: not self.gateway.flights.count)

    def stream(self, session: str = "", **params: str) -> Any:
        given = {"source": "medicine", "q": "pill", **params}
        headers = {"X-Session": session} if session else {}
        return self.client.get("/v1/search/stream", params=given, headers=headers)

    async def refused(self) -> list[Told]:
        """Return the events of a stream whose text is read before the model ends it."""
        self.chat.permits = asyncio.Semaphore(1)
        async with self.stream() as response:
            told = []
            async for each in events(response):
                told.append(each)
                if each[0] == "summary.delta":
                    self.allow(100)
            return told

    async def told(self, session: str = "", **params: str) -> list[Told]:
        """Return every event of a whole stream."""
        async with self.stream(session, **params) as response:
            return [told async for told in events(response)]

    async def search(self, session: str = "", **params: str) -> Any:
        async with self.answer(session, **params) as response:
            return orjson.loads(await response.read())

    def answer(self, session: str = "", **params: str) -> Any:
        given = {"source": "medicine", "q": "pill", **params}
        headers = {"X-Session": session} if session else {}
        return self.client.get("/v1/search", params=given, headers=headers)

    def prompt(self, number: int = -1) -> str:
        """Return what the model was told, without the records."""
        told = str(self.chat.asked[number]["messages"][1]["content"])
        return told.partition("<records>")[0]


async def events(response: aiohttp.ClientResponse) -> AsyncIterator[Told]:
    """Yield name and data of each event; a comment has no name."""
    name, lines = "", response.content
    while line := (await lines.readline()).decode().rstrip("\n"):
        if line.startswith(":"):
            yield "", line
        elif line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, orjson.loads(line.removeprefix("data: "))
        if not line.startswith("event: "):
            assert await lines.readline() == b"\n"


async def first_delta(told: AsyncIterator[Told]) -> Told:
    """Return the first piece of the summary; what is told before it is passed over."""
    async for each in told:
        if each[0] == "summary.delta":
            return each
    raise AssertionError("the stream has ended, and no summary was begun")


def names(told: list[Told]) -> list[str]:
    """Return the events' names, runs of deltas as one."""
    found: list[str] = []
    for name, _ in told:
        if name != "summary.delta" or found[-1:] != [name]:
            found.append(name)
    return found


def text(told: list[Told]) -> str:
    return "".join(data["text"] for name, data in told if name == "summary.delta")
