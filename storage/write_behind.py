"""A tier that answers now and writes later: in batches, in order for each key, and bounded.

Only what another tier has taken is written later (`WriteBehind.later`); it stands in a `Backlog`
there until it is written, so that another process finds it if this one dies. Everything else
(`WriteBehind.put`) is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from storage.backlog import Backlog, OnLoss
from storage.entry import Entry
from storage.pending import Pending, PendingWrites
from storage.tier import BulkTier, Tier, TierError, WithdrawnError

PER_BATCH = 500
AT_ONCE = 2
"""Batches that are out at the same time: one is made ready while the server works on another."""
LINGER = 0.01
"""Seconds for which a batch waits for more, unless it is full or somebody waits for it."""
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
        self._waiting = PendingWrites()
        self._news = asyncio.Event()
        """Something waits that may be written."""
        self._soon = asyncio.Event()
        """A batch is full, or somebody waits for what is to be written."""
        self._gathering = asyncio.Lock()
        self._resting = 0.0
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._write(), name="write behind") for _ in range(AT_ONCE)]

    @property
    def waiting(self) -> int:
        """How many entries are not written yet."""
        return len(self._waiting) + self._waiting.out

    async def get(self, key: str) -> Entry | None:
        """Return what waits to be written, else what *tier* has."""
        pending = self._waiting.get(key)
        if pending is None:
            return await self._tier.get(key)
        if self._vouched():
            return pending.entry
        # The database alone knows whether it still stands.
        await self._settled(pending)
        return await self._tier.get(key)

    async def put(self, entry: Entry) -> None:
        """Keep *entry*; return after the commit, or raise `TierError`."""
        await self._written(self._add(entry, noted=False))

    async def later(self, entry: Entry) -> None:
        """Keep *entry*, which the shared tier has, and return before it is written.

        Waits for the commit where too many wait already, or where the backlog fails.
        """
        full = self.waiting >= self._bounds.entries and not self.has(entry.key)
        pending = self._add(entry, noted=True)
        try:
            await self._backlog.note(entry.key)
        except TierError:
            full = True
        if full:
            await self._written(pending)

    async def drop(self, keys: Sequence[str]) -> int:
        """Forget *keys*, written or not."""
        for key in keys:
            pending = self._waiting.discard(key)
            if pending is not None:
                pending.end(WithdrawnError(f"{key} was dropped before it was written"))
        for key in keys:
            while out := self._waiting.out_under(key):
                await self._settled(out)
                again = self._waiting.get(key)
                if again is not None and again.entry is out.entry:
                    self._waiting.discard(key)  # it could not be written, and would be once more
        return await self._tier.drop(keys)

    async def ping(self) -> None:
        """Return if the database can work."""
        await self._tier.ping()

    async def close(self) -> None:
        """Write what waits, as far as that can be done soon, and close the database."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVING):
                for pending in list(self._waiting):
                    await self._settled(pending)
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        if self.waiting:
            self._on_loss(f"{self.waiting} entries are left to the next process")
        await self._tier.close()

    def has(self, key: str) -> bool:
        """Say whether *key* waits to be written here."""
        return key in self._waiting

    def _add(self, entry: Entry, *, noted: bool) -> Pending:
        pending = self._waiting.add(entry, asyncio.get_running_loop().time(), noted=noted)
        self._news.set()
        if len(self._waiting) == PER_BATCH:
            self._soon.set()
        return pending

    async def _written(self, pending: Pending) -> None:
        self._soon.set()
        await pending.ended()

    async def _settled(self, pending: Pending) -> None:
        try:
            await self._written(pending)
        except TierError:
            return

    async def _write(self) -> None:
        """Write one batch after the other; several tasks do, of which one at a time gathers."""
        while True:
            async with self._gathering:
                batch = await self._gathered()
            await self._batch(batch)

    async def _gathered(self) -> list[Pending]:
        """Return a batch: soon, or after a rest where the last one could not be written."""
        while True:
            await self._news.wait()
            # Asked for now: another task's batch may have failed while this one waited.
            if self._resting:
                await self._rest(self._resting)
            elif len(self._waiting) < PER_BATCH:
                await self._rest(LINGER)
            self._soon.clear()
            batch = self._waiting.take(PER_BATCH)
            if not (batch and len(self._waiting)):
                self._news.clear()  # what still waits does so behind what is out
            if batch:
                return batch

    async def _rest(self, seconds: float) -> None:
        """Wait so long, or until somebody waits for what is to be written."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._soon.wait()

    async def _batch(self, batch: Sequence[Pending]) -> None:
        """Write what is out; what could not be written waits again."""
        errors = await self._put([item.entry for item in batch])
        self._waiting.back(batch)
        failed = []
        for item, error in zip(batch, errors, strict=True):
            item.end(error)
            if not (error is None or isinstance(error, WithdrawnError)):
                failed.append((item, error))
        longer = min(max(FIRST_REST, self._resting * 2), LONGEST_REST)
        self._resting = longer if failed else 0.0
        self._again(failed)
        if self._waiting:
            self._news.set()
        lost = {item.entry.key for item, _ in failed}
        await self._forget([i for i in batch if i.noted and i.entry.key not in lost])

    async def _put(self, entries: Sequence[Entry]) -> Sequence[BaseException | None]:
        """Return for each of *entries* why the database has not taken it."""
        if isinstance(self._tier, BulkTier):
            together = self._tier.put_many(entries)
            (errors,) = await asyncio.gather(together, return_exceptions=True)
            return [errors] * len(entries) if isinstance(errors, BaseException) else errors
        return await asyncio.gather(*map(self._tier.put, entries), return_exceptions=True)

    def _again(self, failed: Sequence[tuple[Pending, BaseException]]) -> None:
        """Have what nobody waits for tried again, before what came behind it."""
        now, given_up, again = asyncio.get_running_loop().time(), list[str](), list[Pending]()
        for item, error in failed:
            if not item.noted or item.entry.key in self._waiting:
                continue  # its caller has been told, or a newer one stands behind it
            if now - item.since > self._bounds.seconds:
                given_up.append(str(error))
            else:
                again.append(Pending(item.entry, item.since, noted=True))
        self._waiting.again(again)
        if given_up:
            self._on_loss(f"{len(given_up)} entries could not be written: {given_up[0]}")

    async def _forget(self, items: Sequence[Pending]) -> None:
        # What has come again meanwhile is noted for its own sake.
        keys = [item.entry.key for item in items if item.entry.key not in self._waiting]
        if keys:
            try:
                await self._backlog.done(keys)
            except TierError:
                return  # it is written once more, which changes nothing
