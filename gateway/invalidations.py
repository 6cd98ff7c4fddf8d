"""Withdrawn is withdrawn: this process follows the log, and others are waited for.

Each replica applies the log to its memory, tells how far it has come, and holds a lease on its
own clock. A withdrawal is acknowledged when every replica has applied it, or can't serve a kept
answer any more because its lease is over.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

from gateway.beside import beside
from gateway.config.invalidation import InvalidationSpec
from gateway.events import Events, Invalidated, TierFailed
from gateway.lookup import SHARED_TENANT
from storage.database import DatabaseTier
from storage.doorbell import Doorbell, open_doorbell
from storage.invalidation import InvalidationLog, Withdrawn
from storage.replicas import Behind, Replicas
from storage.tier import TierError
from storage.tiers import Tiers
from storage.withdrawals import NEVER, Scope, Withdrawals

POLL = 1.0
"""Seconds between two looks at the log when no doorbell rings."""
MARGIN = 1.25
"""Two clocks may differ by a quarter of a lease in how fast they run."""
TRIM_EVERY = 1000
"""Positions after which the log is trimmed."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.05

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Follower:
    """One process that follows the log."""

    log: InvalidationLog
    replicas: Replicas
    tiers: Tiers
    doorbell: Doorbell
    events: Events
    settings: InvalidationSpec = field(default_factory=InvalidationSpec)
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    sleep: Sleep = asyncio.sleep


class Invalidations:
    """Withdraws, and follows what others withdraw."""

    def __init__(self, follower: Follower) -> None:
        self._of = follower
        self._withdrawals: Withdrawals = follower.tiers.withdrawals
        self._reachable = True
        self._heard = follower.tiers.withdrawals.clock()
        self._pace = min(POLL, follower.settings.lease / 4)
        self._trimmed = 0
        self._told, self._beaten = -1, 0.0
        self._catching_up = asyncio.Lock()

    @property
    def silence(self) -> float:
        """Seconds since the log could last be read."""
        return self._withdrawals.clock() - self._heard

    async def withdraw(self, scope: Scope, *, wait: bool = True) -> Withdrawn:
        """Withdraw what *scope* names everywhere, and return once no replica can serve it.

        Without *wait*, return once the database and Redis have lost it. Raise `TierError` where
        either refuses: then both still have it. A Redis that is away is not waited for.
        """
        of = self._of
        withdrawn = await of.log.withdraw(scope, of.tiers.unlink)
        await asyncio.gather(self.catch_up(), of.doorbell.ring(withdrawn.position))
        if wait:
            await self.acknowledged(withdrawn.position)
        return withdrawn

    async def acknowledged(self, position: int) -> None:
        """Return when every replica has applied *position* or has lost its lease."""
        clock, limit = self._withdrawals.clock, self._of.settings.lease * MARGIN
        since: dict[Behind, float] = {}
        pause = _FIRST_PAUSE
        while waiting := await self._of.replicas.behind(position):
            now = clock()
            # One whose beat has grown is another value here: its lease begins anew.
            since = {each: since.get(each, now) for each in waiting}
            for each in waiting:
                if now - since[each] > limit:
                    await self._of.replicas.bury(each)
            await self._of.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Follow the log for the context; raise `TierError` where it cannot be read at first."""
        await self._join()
        try:
            async with beside(invalidations=self._follow()):
                yield
        finally:
            await self._of.doorbell.close()
            with suppress(TierError):
                await self._of.replicas.leave(self._of.id)

    async def catch_up(self) -> None:
        """Apply what the log has, say so, and hold the lease anew; a failure is told once."""
        async with self._catching_up:
            try:
                await self._catch_up()
            except TierError as error:
                if self._reachable:
                    self._of.events.emit(TierFailed("invalidations", "follow", str(error)))
                self._reachable = False
            else:
                self._reachable = True
                self._heard = self._withdrawals.clock()

    async def _follow(self) -> None:
        while True:
            await self._of.doorbell.wait(self._pace)
            await self.catch_up()

    async def _join(self) -> None:
        await self._of.replicas.join(self._of.id)
        # Read after the row is there: what is withdrawn from now on waits for this process.
        news = await self._of.log.since(0)
        self._withdrawals.forget(news.trimmed)
        self._withdrawals.apply(news.lines)
        self._trimmed = self._withdrawals.position
        await self._catch_up()

    async def _catch_up(self) -> None:
        of, withdrawals = self._of, self._withdrawals
        began = withdrawals.clock()
        await self._read_on()
        told = withdrawals.position
        if told == self._told and began - self._beaten < 0.9 * self._pace:
            return
        if not await of.replicas.beat(of.id, told):
            # It was taken for dead, and whoever did so no longer waits: it joins as a new one does.
            await of.replicas.join(of.id)
            await self._read_on()
        self._told, self._beaten = told, began
        withdrawals.until = began + of.settings.lease if of.settings.strict else NEVER
        if told - self._trimmed >= TRIM_EVERY:
            self._trimmed = told
            await of.log.trim()

    async def _read_on(self) -> None:
        news = await self._of.log.since(self._withdrawals.position)
        if news.trimmed > self._withdrawals.position:
            # What is missing may name anything: nothing that was kept before counts any more.
            self._withdrawals.forget(news.position)
            self._of.tiers.forget_memory()
            return
        self._withdrawals.apply(news.lines)
        for line in news.lines:
            scope = line.scope
            self._of.tiers.forget(scope)
            self._of.events.emit(
                Invalidated(line.position, scope.kind, scope.tenant, scope.source, scope.value)
            )


async def open_invalidations(
    stack: AsyncExitStack,
    database: DatabaseTier,
    tiers: Tiers,
    *,
    events: Events,
    settings: InvalidationSpec,
    doorbell: Doorbell | None = None,
) -> Invalidations:
    """Follow the log of *database* until *stack* is left; *doorbell* rings beside its own."""
    engine = database.database
    follower = Follower(
        log=InvalidationLog(engine, SHARED_TENANT),
        replicas=Replicas(engine),
        tiers=tiers,
        doorbell=open_doorbell(engine, doorbell),
        events=events,
        settings=settings,
    )
    invalidations = Invalidations(follower)
    await stack.enter_async_context(invalidations.following())
    return invalidations
