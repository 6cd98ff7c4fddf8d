"""A tier that answers now and writes later: in batches, in order for each key, and bounded.

Only what another tier has taken is written later (`WriteBehind.later`); it stands in a `Backlog`
there until it is written, so that another process finds it if this one dies. Everything else
(`WriteBehind.put`) is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from storage.backlog import Backlog, OnLoss
from storage.entry import Entry
from storage.tier import Tier, TierError, WithdrawnError

PER_BATCH = 1000
LINGER = 0.01
"""Seconds for which a batch waits for more, unless somebody waits for it."""
FIRST_REST, LONGEST_REST = 0.1, 5.0
"""Seconds between two tries of a batch that could not be written."""
LEAVING = 10.0
"""Seconds within which everything is to be written when the tier is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much may wait, and for how long."""

    entries: int = 10_000
    """When so many wait, a further one is waited for."""
    seconds: float = 60.0
    """What could not be written for so long is given up here; the backlog still has it."""


@dataclass(slots=True)
class _Waiting:
    entry: Entry
    since: float
    noted: bool
    done: list[asyncio.Future[None]] = field(default_factory=list)
    ended: bool = False
    error: BaseException | None = None


class WriteBehind:
    """Stands for *tier*, the database; *backlog* has what is not written yet.

    It writes from when it is made until it is closed.
    """

    def __init__(
        self,
        tier: Tier,
        backlog: Backlog,
        *,
        bounds: Bounds | None = None,
        vouched: Callable[[], bool] = lambda: True,
        on_loss: OnLoss = lambda _: None,
    ) -> None:
        self.name = tier.name
        self._tier = tier
        self._backlog = backlog
        self._bounds = bounds or Bounds()
        self._vouched = vouched
        """Whether this process knows what was withdrawn; else what waits is not served."""
        self._on_loss = on_loss
        self._waiting: dict[str, _Waiting] = {}
        self._out: dict[str, _Waiting] = {}
        self._news = asyncio.Event()
        self._urgent = asyncio.Event()
        """Somebody waits for what is to be written."""
        self._task = asyncio.get_running_loop().create_task(self._write(), name="write behind")

    @property
    def waiting(self) -> int:
        """How many entries are not written yet."""
        return len(self._waiting) + len(self._out)

    async def get(self, key: str) -> Entry | None:
        """Return what waits to be written, else what *tier* has."""
        waiting = self._waiting.get(key) or self._out.get(key)
        if waiting is None:
            return await self._tier.get(key)
        if self._vouched():
            return waiting.entry
        # The database alone knows whether it still stands.
        await self._settled(waiting)
        return await self._tier.get(key)

    async def put(self, entry: Entry) -> None:
        """Keep *entry*; return after the commit, or raise `TierError`."""
        await self._written(self._add(entry, noted=False))

    async def later(self, entry: Entry) -> None:
        """Keep *entry*, which the shared tier has, and return before it is written.

        Waits for the commit where too many wait already, or where the backlog fails.
        """
        full = self.waiting >= self._bounds.entries and not self.has(entry.key)
        waiting = self._add(entry, noted=True)
        try:
            await self._backlog.note(entry.key)
        except TierError:
            full = True
        if full:
            await self._written(waiting)

    async def drop(self, keys: Sequence[str]) -> int:
        """Forget *keys*, written or not."""
        for key in keys:
            waiting = self._waiting.pop(key, None)
            if waiting is not None:
                _end(waiting, WithdrawnError(f"{key} was dropped before it was written"))
        while out := [self._out[key] for key in keys if key in self._out]:
            await self._settled(out[0])
        return await self._tier.drop(keys)

    async def ping(self) -> None:
        """Return if the database can work."""
        await self._tier.ping()

    async def close(self) -> None:
        """Write what waits, as far as that can be done soon, and close the database."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVING):
                for waiting in (*self._out.values(), *self._waiting.values()):
                    await self._settled(waiting)
        self._task.cancel()
        await asyncio.wait([self._task])
        if self.waiting:
            self._on_loss(f"{self.waiting} entries are left to the next process")
        await self._tier.close()

    def has(self, key: str) -> bool:
        """Say whether *key* waits to be written here."""
        return key in self._waiting or key in self._out

    def _add(self, entry: Entry, *, noted: bool) -> _Waiting:
        before = self._waiting.get(entry.key)
        now = asyncio.get_running_loop().time()
        waiting = _Waiting(entry, now, noted) if before is None else before
        waiting.entry = entry  # the last one stands, whoever waits for one before it
        waiting.noted = waiting.noted or noted
        self._waiting[entry.key] = waiting
        self._news.set()
        return waiting

    async def _written(self, waiting: _Waiting) -> None:
        if waiting.ended:
            if waiting.error is not None:
                raise waiting.error
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.done.append(future)
        self._urgent.set()
        await future

    async def _settled(self, waiting: _Waiting) -> None:
        try:
            await self._written(waiting)
        except TierError:
            return

    async def _write(self) -> None:
        rest = FIRST_REST
        while True:
            await self._news.wait()
            if len(self._waiting) < PER_BATCH:
                await self._rest(LINGER)
            self._urgent.clear()
            self._out = dict(islice(self._waiting.items(), PER_BATCH))
            for key in self._out:
                del self._waiting[key]
            if not self._waiting:
                self._news.clear()
            if await self._batch():
                rest = FIRST_REST
            else:
                await self._rest(rest)
                rest = min(rest * 2, LONGEST_REST)

    async def _rest(self, seconds: float) -> None:
        """Wait so long, or until somebody waits for what is to be written."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._urgent.wait()

    async def _batch(self) -> bool:
        """Write what is out; return whether the database took it."""
        items = list(self._out.values())
        results = await asyncio.gather(
            *(self._tier.put(item.entry) for item in items), return_exceptions=True
        )
        self._out = {}
        failed = [
            (item, error)
            for item, error in zip(items, results, strict=True)
            if isinstance(error, BaseException) and not isinstance(error, WithdrawnError)
        ]
        for item, error in zip(items, results, strict=True):
            if error is None or isinstance(error, WithdrawnError):
                _end(item, error)
        self._again(failed)
        lost = {item.entry.key for item, _ in failed}
        await self._forget([i for i in items if i.noted and i.entry.key not in lost])
        return not failed

    def _again(self, failed: Sequence[tuple[_Waiting, BaseException]]) -> None:
        """Have what nobody waits for tried again, before what came behind it."""
        now, given_up = asyncio.get_running_loop().time(), list[str]()
        again: dict[str, _Waiting] = {}
        for item, error in failed:
            key = item.entry.key
            _end(item, error)
            if not item.noted or key in self._waiting:
                continue  # its caller has been told, or a newer one stands behind it
            if now - item.since > self._bounds.seconds:
                given_up.append(str(error))
            else:
                again[key] = _Waiting(item.entry, item.since, noted=True)
        if again:
            self._waiting = {**again, **self._waiting}
            self._news.set()
        if given_up:
            self._on_loss(f"{len(given_up)} entries could not be written: {given_up[0]}")

    async def _forget(self, items: Sequence[_Waiting]) -> None:
        # What has come again meanwhile is noted for its own sake.
        keys = [item.entry.key for item in items if item.entry.key not in self._waiting]
        if keys:
            try:
                await self._backlog.done(keys)
            except TierError:
                return  # it is written once more, which changes nothing


def _end(waiting: _Waiting, error: BaseException | None) -> None:
    waiting.ended, waiting.error = True, error
    for future in waiting.done:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
    waiting.done.clear()
