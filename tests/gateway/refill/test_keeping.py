"""What goes on beside the keeping of an entry ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from gateway.events import Events
from gateway.lookup import names_space
from gateway.refill.keeping import Keeping
from storage.entry import Entry
from tests.gateway.world import Names, World


class Leaving(Names):
    """Names that wait for ever, and take a while to leave."""

    def __init__(self) -> None:
        super().__init__()
        self.began = asyncio.Event()
        self.left = False

    async def remember(
        self, source: str, items: Sequence[tuple[str, str]], since: int | None = None
    ) -> None:
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            self.left = True


class Bench:
    """A keeping, and an entry that it is given."""

    def __init__(self, names: Names) -> None:
        self.world = World()
        self.keeping = Keeping(
            tiers=self.world.tiers,
            names=names,
            summaries=self.world.refill.summaries,
            queries=self.world.refill.queries,
            events=Events(),
        )

    async def keep(self, entry: Entry) -> bool:
        named = (("1", "name"),)
        return await self.keeping.keep(self.world.lookup(), self.world.route, entry, named)

    async def entry(self) -> Entry:
        return (await self.world.resolver.resolve(self.world.lookup())).entry


async def test_names_are_kept_beside_their_entry() -> None:
    names = Names()
    bench = Bench(names)
    assert await bench.keep(await bench.entry())
    space = names_space(bench.world.route, bench.world.lookup().tenant)
    assert names.known == [(space, "1", "name")]


@pytest.mark.parametrize("cancelled", [True, False])
async def test_what_cannot_be_kept_leaves_nothing_that_goes_on_beside_it(
    monkeypatch: pytest.MonkeyPatch, *, cancelled: bool
) -> None:
    names, fault = Leaving(), asyncio.Event()
    bench = Bench(names)
    entry = await bench.entry()

    async def fails(*_: object, **__: object) -> tuple[str, ...]:
        await fault.wait()
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(bench.world.tiers, "put", fails)
    keeping = asyncio.create_task(bench.keep(entry))
    await names.began.wait()
    if cancelled:
        keeping.cancel()  # its flight is at its deadline
    else:
        fault.set()
    await asyncio.wait([keeping])
    assert keeping.cancelled() is cancelled
    assert cancelled or isinstance(keeping.exception(), RuntimeError)
    assert names.left
