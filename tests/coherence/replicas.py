"""Replicas that the checker asks: in this process, or as processes of their own over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import orjson

from adapters.errors import UpstreamError
from gateway.assembly import Gateway, open_gateway
from gateway.config import load_config
from gateway.lookup import SHARED_TENANT, make_lookup
from storage.tier import TierError
from storage.withdrawals import Scope
from tests.coherence.processes import Process
from tests.waiting import eventually

SOURCE = "s"
PATIENCE = 60.0
"""Seconds that a process has to begin, beside whatever else this machine does."""


class RefusedError(Exception):
    """A withdrawal was not acknowledged: it may hold, and it need not."""


class AwayError(Exception):
    """A replica did not answer because it does not run, or too little."""


class UnansweredError(Exception):
    """A replica that runs had no answer."""


class Replica(Protocol):
    """Who is asked."""

    async def ask(self, query: str, *, summary: bool = True) -> int:
        """Return the generation that is served, with its *summary* or without."""

    async def renew(self, query: str) -> int:
        """Return the generation that is fetched."""

    async def withdraw(self, body: Mapping[str, Any]) -> int:
        """Return the position of a withdrawal that is acknowledged, or raise `RefusedError`."""

    async def shares(self) -> bool:
        """Whether it can take leases now, and serves what another has made."""


class Local:
    """A gateway in this process, without its HTTP."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        tiers: Any = gateway.tiers
        self._link = next(tier.link for tier in tiers._tiers if tier.name == "redis")

    async def shares(self) -> bool:
        return bool(self._link.up) and self._gateway.tiers.sure

    async def ask(self, query: str, *, summary: bool = True) -> int:
        lookup, resolver = make_lookup(self._gateway.routes[SOURCE], query), self._gateway.resolver
        try:
            return generation((await resolver.resolve(lookup, want_summary=summary)).body())
        except UpstreamError as error:
            raise UnansweredError(f"{error.kind} {error.message}") from error

    async def renew(self, query: str) -> int:
        lookup = make_lookup(self._gateway.routes[SOURCE], query)
        try:
            return generation((await self._gateway.resolver.renew(lookup)).body())
        except UpstreamError as error:
            raise UnansweredError(f"{error.kind} {error.message}") from error

    async def withdraw(self, body: Mapping[str, Any]) -> int:
        try:
            return (await self._gateway.invalidations.withdraw(self._scope(body))).position
        except TierError as error:
            raise RefusedError(str(error)) from error

    def _scope(self, body: Mapping[str, Any]) -> Scope:
        if "item" in body:
            return Scope("item", SHARED_TENANT, SOURCE, body["item"]["id"])
        if "q" in body:
            key = make_lookup(self._gateway.routes[SOURCE], body["q"]).key
            return Scope("key", SHARED_TENANT, value=key)
        return Scope("source", SHARED_TENANT, SOURCE)


class Remote:
    """A gateway that is a process of its own."""

    def __init__(self, process: Process, session: aiohttp.ClientSession) -> None:
        self.process = process
        self._session = session
        self._answered = 0
        """The life of the process in which it has last answered."""

    @property
    def there(self) -> bool:
        """Whether it has answered since it was last started."""
        return self._answered == self.process.life

    async def shares(self) -> bool:
        try:
            state = orjson.loads(await self._body("GET", "/readyz"))
        except (AwayError, UnansweredError):
            return False
        return bool(state["tiers"]["redis"] == "ok" and state["log"]["known"])

    async def ready(self) -> bool:
        """Whether it says so itself."""
        try:
            await self._body("GET", "/readyz")
        except (AwayError, UnansweredError):
            return False
        return True

    async def ask(self, query: str, *, summary: bool = True) -> int:
        path = f"/v1/search?source={SOURCE}&q={query}&summary={'wait' if summary else 'none'}"
        return generation(await self._body("GET", path))

    async def renew(self, query: str) -> int:
        body = {"source": SOURCE, "q": query}
        return generation(await self._body("POST", "/v1/refresh", body))

    async def withdraw(self, body: Mapping[str, Any]) -> int:
        try:
            said = orjson.loads(await self._body("POST", "/v1/invalidate", body))
        except (AwayError, UnansweredError) as error:
            raise RefusedError(str(error)) from error
        return int(said["position"])

    async def _body(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> bytes:
        life = self.process.life
        try:
            async with self._session.request(
                method, self.process.url + path, json=body
            ) as response:
                read = await response.read()
        except aiohttp.ClientError as error:
            # One that was killed meanwhile, or does not listen yet.
            if self.process.life != life or not self.there:
                # A gateway does not begin without its database: whoever runs it tries again.
                self.process.revive()
                raise AwayError(str(error)) from error
            raise UnansweredError(f"{error!r}, and it was not killed") from error
        self._answered = life
        if response.status == 503 and b":overloaded" in read:
            # One that was woken a moment ago, or a machine with too much to do: it says so at once.
            raise AwayError(read.decode())
        if response.status != 200:
            raise UnansweredError(f"{response.status} {read.decode()}")
        return read


def generation(body: bytes) -> int:
    """Return the generation that an answer holds."""
    return int(orjson.loads(body)["items"][0]["use"])


@asynccontextmanager
async def in_this_process(configs: Sequence[Path]) -> AsyncIterator[list[Local]]:
    """Open a gateway for each of *configs*."""
    async with AsyncExitStack() as stack:
        yield [Local(await _opened(stack, each)) for each in configs]


async def _opened(stack: AsyncExitStack, config: Path) -> Gateway:
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(TierError):  # a starved machine: whoever runs a gateway tries again
                return await stack.enter_async_context(open_gateway(load_config(config, {})))


@asynccontextmanager
async def as_processes(configs: Sequence[Path]) -> AsyncIterator[list[Remote]]:
    """Run ``python -m gateway serve`` for each of *configs*."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        remotes = []
        for config in configs:
            process = Process(config)
            stack.callback(process.end)
            remotes.append(Remote(process, session))
        for remote in remotes:
            await eventually(remote.ready, PATIENCE)
        yield remotes
        for remote in remotes:
            remote.process.wake()
            await eventually(remote.ready, PATIENCE)
