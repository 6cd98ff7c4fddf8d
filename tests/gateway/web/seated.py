"""A gateway that is asked the same by many at once, while its upstream is held back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from gateway.access.identity import READING, Scope
from gateway.access.keys import new_key
from gateway.access.spec import AccessSection
from gateway.config import Config
from gateway.events import Served
from storage.access import ApiKeyStore
from storage.database import open_database
from tests.gateway.web import served
from tests.gateway.web.raw_http import Raw, talk
from tests.stub_upstream import StubUpstream


class World(served.World):
    """One whose callers sit."""

    async def ask(self, *requests: bytes) -> list[Raw]:
        """Send each of *requests* over a connection of its own."""
        answers = await asyncio.gather(*(talk(self.port, [each], 1) for each in requests))
        return [answer for (answer,) in answers]

    async def waiting(self, count: int) -> None:
        """Return when so many wait for a flight."""
        async with asyncio.timeout(30):
            while self.gateway.flights.waiters < count:
                await asyncio.sleep(0.001)

    @property
    def seated(self) -> int:
        return self.gateway.flights.aside

    def served(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for event in self.told(Served):
            found[event.outcome] = found.get(event.outcome, 0) + event.count
        return found


async def crowd(
    world: World, upstream: StubUpstream, requests: Sequence[bytes], seated: int | None = None
) -> list[Raw]:
    """Send *requests* while the upstream is held back, and answer it once so many sit."""
    upstream.gate.clear()
    asking = asyncio.create_task(world.ask(*requests))
    async with asyncio.timeout(30):
        while world.seated < (len(requests) - 1 if seated is None else seated):
            await asyncio.sleep(0.001)
    await upstream.arrived(1)
    upstream.gate.set()
    return await asking


async def keyed(
    config: Config,
    *tenants: str,
    sources: frozenset[str] | None = None,
    scopes: frozenset[Scope] = READING,
) -> list[str]:
    """Keep an API key of each of *tenants*, for *sources*; return the lines that show them."""
    database = (await open_database(config.database.url)).database
    lines = []
    for tenant in tenants:
        key, shown = new_key(tenant, scopes, created=1.0, sources=sources)
        await ApiKeyStore(database).add(key.row)
        lines.append(f"Authorization: Bearer {shown}")
    await database.close()
    return lines


def required(config: Config, share: str) -> Config:
    """Return *config* with access by keys alone, and with the source plain of that *share*."""
    section = msgspec.structs.replace(config.sources["plain"], share=share)
    sources = {**config.sources, "plain": section}
    access = AccessSection(mode="required", token_secret="s" * 32)
    return msgspec.structs.replace(config, access=access, sources=sources)
