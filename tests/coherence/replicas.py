"""Replicas that the checker asks: in this process, or as processes of their own over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import aiohttp
import orjson

from gateway.assembly import Gateway
from gateway.lookup import SHARED_TENANT, make_lookup
from storage.tier import TierError
from storage.withdrawals import Scope

SOURCE = "s"


class RefusedError(Exception):
    """A withdrawal was not acknowledged: it may hold, and it need not."""


class AwayError(Exception):
    """A replica did not answer because it does not run."""


class Replica(Protocol):
    async def ask(self, query: str) -> int:
        """Return the generation that is served."""

    async def renew(self, query: str) -> int:
        """Return the generation that is fetched."""

    async def withdraw(self, body: Mapping[str, Any]) -> int:
        """Return the position of a withdrawal that is acknowledged, or raise `RefusedError`."""


class Local:
    """A gateway in this process, without its HTTP."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.losses = 0
        """How often Redis was given up, be it for a moment."""
        tiers: Any = gateway.tiers
        self._link = next(tier.link for tier in tiers._tiers if tier.name == "redis")
        self._link.on_loss(self._lose)

    @property
    def shares(self) -> bool:
        """Whether it can take leases."""
        return bool(self._link.up)

    def _lose(self) -> None:
        self.losses += 1

    async def ask(self, query: str) -> int:
        lookup = make_lookup(self.gateway.routes[SOURCE], query)
        return generation((await self.gateway.resolver.resolve(lookup)).body())

    async def renew(self, query: str) -> int:
        lookup = make_lookup(self.gateway.routes[SOURCE], query)
        return generation((await self.gateway.resolver.renew(lookup)).body())

    async def withdraw(self, body: Mapping[str, Any]) -> int:
        try:
            return (await self.gateway.invalidations.withdraw(self._scope(body))).position
        except TierError as error:
            raise RefusedError(str(error)) from error

    def key(self, query: str) -> str:
        return make_lookup(self.gateway.routes[SOURCE], query).key

    def _scope(self, body: Mapping[str, Any]) -> Scope:
        if "item" in body:
            return Scope("item", SHARED_TENANT, SOURCE, body["item"]["id"])
        if "q" in body:
            return Scope("key", SHARED_TENANT, value=self.key(body["q"]))
        return Scope("source", SHARED_TENANT, SOURCE)


class Remote:
    """A gateway that is a process of its own."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def ask(self, query: str) -> int:
        return generation(await self._body("GET", f"/v1/search?source={SOURCE}&q={query}"))

    async def renew(self, query: str) -> int:
        body = {"source": SOURCE, "q": query}
        return generation(await self._body("POST", "/v1/refresh", body))

    async def withdraw(self, body: Mapping[str, Any]) -> int:
        try:
            said = orjson.loads(await self._body("POST", "/v1/invalidate", body))
        except (AwayError, AssertionError) as error:
            raise RefusedError(str(error)) from error
        return int(said["position"])

    async def _body(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> bytes:
        try:
            async with self._session.request(method, self.url + path, json=body) as response:
                read = await response.read()
                assert response.status == 200, read
                return read
        except aiohttp.ClientError as error:
            raise AwayError(str(error)) from error


def generation(body: bytes) -> int:
    """Return the generation that an answer holds."""
    return int(orjson.loads(body)["items"][0]["use"])
