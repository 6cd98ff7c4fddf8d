"""The watches of every tenant: made, changed, removed; and what runs them."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Protocol

from gateway.beside import beside
from gateway.events import Events, TierFailed
from gateway.watches.schedule import check_schedule, next_due
from gateway.watches.spec import WatchesSpec
from gateway.watches.webhooks import refusal
from storage.tier import TierError
from storage.watches import Watch, WatchStore

POLL = 5.0
"""Seconds between two looks for what is due."""


class TooManyWatchesError(Exception):
    """The tenant has as many watches as it may."""


class WebhookRefusedError(ValueError):
    """The URL may not be called; the message says why."""


class Due(Protocol):
    """Work that is due at times."""

    async def __call__(self) -> int:
        """Do some of what is due; return how much that was. Raise `TierError`."""


class Watches:
    """What clients may do with their watches; every method raises `TierError`."""

    def __init__(
        self, store: WatchStore, spec: WatchesSpec, clock: Callable[[], float] = time.time
    ) -> None:
        self.store = store
        self.spec = spec
        self._clock = clock
        self._news = asyncio.Event()

    async def add(self, watch: Watch) -> Watch:
        """Keep *watch* under a new id, to be looked at now; return it.

        Raise `ScheduleError`, `WebhookRefusedError` or `TooManyWatchesError`.
        """
        self._check(watch)
        if await self.store.count(watch.tenant) >= self.spec.max_watches:
            raise TooManyWatchesError
        now = self._clock()
        made = replace(watch, id=secrets.token_urlsafe(12), created=now, due=now)
        await self.store.add(made)
        self.tell()
        return made

    async def change(self, before: Watch, after: Watch) -> bool:
        """Keep *after* in the place of *before*; False where that is gone.

        Another lookup begins anew. Raise `ScheduleError` or `WebhookRefusedError`.
        """
        self._check(after)
        now = self._clock()
        if after.asked != before.asked:
            after = replace(after, due=now, digest="", seen=b"", error="")
        elif (after.schedule, after.zone) != (before.schedule, before.zone):
            after = replace(after, due=next_due(after.schedule, after.zone, now))
        changed = await self.store.change(after)
        self.tell()
        return changed

    @asynccontextmanager
    async def running(self, events: Events, *due: Due) -> AsyncIterator[None]:
        """Do what is *due*, within the context."""
        works = {f"due {n}": self._keep_doing(each, events) for n, each in enumerate(due)}
        async with beside(**works):
            yield

    def _check(self, watch: Watch) -> None:
        least = self.spec.least_interval
        check_schedule(watch.schedule, watch.zone, least, self._clock())
        why = refusal(watch.webhook, self.spec) if watch.webhook else ""
        if why:
            raise WebhookRefusedError(why)

    async def _keep_doing(self, due: Due, events: Events) -> None:
        while True:
            news, done = self._news, 0
            try:
                done = await due()
            except TierError as error:
                events.emit(TierFailed("database", "watches", str(error)))
            if done:
                self.tell()  # what was seen may have to be told
            else:
                await self._told(news)

    def tell(self) -> None:
        """Have those who look for what is due look now."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _told(self, news: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(POLL):
                await news.wait()
        except TimeoutError:
            return
