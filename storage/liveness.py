"""Whether a server still answers. Who waits for one that is frozen hears of it from nobody.

When nothing has come from it for a while it is tried beside, on a connection of its own. If that
hears nothing either, all that waits is told at once, and from then on nobody waits at all, until
a trial is answered. A statement that merely takes long hinders nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from storage.tier import TierAwayError

FIRST_REST, LONGEST_REST = 0.05, 1.0
"""Seconds between two trials of a server that is away."""
OnChange = Callable[[bool, str], None]
"""Is told whether the server is there, and what is wrong: once for each loss and each return."""


class Liveness:
    """Watches over what is asked of the server *name*.

    *answers* tries it, and says whether it answered. After half of *silence*, in seconds, it is
    tried, and for the other half the trial waits: nobody waits longer for one that is frozen.
    """

    def __init__(self, name: str, answers: Callable[[], Awaitable[bool]], silence: float) -> None:
        self.on_change: OnChange = lambda *_: None
        self._name = name
        self._answers = answers
        self._patience = silence / 2
        self._reason = f"the database {name} has said nothing for {silence:g} s"
        self._away = False
        self._heard = 0.0
        """When something came from it."""
        self._out: dict[asyncio.Timeout, float] = {}
        """What waits for it, since when; the oldest first."""
        self._look: asyncio.TimerHandle | None = None
        self._trial: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """Give up what the context does when the server is lost: raise `TierAwayError`.

        While it is away that is raised at once.
        """
        if self._away:
            raise TierAwayError(self._reason)
        loop = asyncio.get_running_loop()
        limit = asyncio.timeout(None)
        try:
            async with limit:
                self._out[limit] = loop.time()
                self._watch(self._patience)
                try:
                    yield
                finally:
                    self._out.pop(limit, None)
        except TimeoutError as error:
            if limit.expired():
                raise TierAwayError(self._reason) from error
            self._doubt()
            raise
        self._heard = loop.time()

    async def close(self) -> None:
        """Look no more."""
        if self._look is not None:
            self._look.cancel()
        if self._trial is not None:
            self._trial.cancel()
            await asyncio.wait([self._trial])

    def _watch(self, seconds: float) -> None:
        if self._look is None:
            self._look = asyncio.get_running_loop().call_later(seconds, self._judge)

    def _judge(self) -> None:
        self._look = None
        if not self._out or self._trial is not None:
            return
        silent_since = max(next(iter(self._out.values())), self._heard)
        left = silent_since + self._patience - asyncio.get_running_loop().time()
        if left > 0:
            self._watch(left)
        else:
            self._doubt()

    def _doubt(self) -> None:
        if self._trial is None:
            self._trial = asyncio.get_running_loop().create_task(self._try(), name="database trial")

    async def _try(self) -> None:
        if not await self._answered():
            self._lose()
            await self._come_back()
        self._trial = None
        self._heard = asyncio.get_running_loop().time()
        self._watch(self._patience)

    def _lose(self) -> None:
        self._away = True
        now = asyncio.get_running_loop().time()
        for limit in self._out:
            limit.reschedule(now)
        self._out.clear()
        self.on_change(False, self._reason)

    async def _come_back(self) -> None:
        rest = FIRST_REST
        while not await self._answered():
            await asyncio.sleep(rest)
            rest = min(rest * 2, LONGEST_REST)
        self._away = False
        self.on_change(True, "")

    async def _answered(self) -> bool:
        try:
            async with asyncio.timeout(self._patience):
                return await self._answers()
        except TimeoutError:
            return False
