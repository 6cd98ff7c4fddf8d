"""Looking into one tier, or into two at once, and whether what is found there may be served."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Literal

import msgspec

from storage.entry import CorruptEntryError, Entry, Look
from storage.memory import MemoryTier
from storage.races import Patience, Race, race
from storage.tier import Tier, TierError
from storage.withdrawals import Withdrawals

DATABASE = "database"
"""The name of the tier whose own rows are deleted by withdrawals."""
Report = Callable[[str, str, Exception], None]
"""Is told the tier, the operation (``get``, ``put``, ``drop``, ``close``) and the error."""
OnRace = Callable[[Race], None]
"""Is told of each race of two tiers that were both asked."""


@dataclass(frozen=True, slots=True)
class Looks:
    """How tiers are looked into."""

    withdrawals: Withdrawals
    memory: MemoryTier
    report: Report
    patience: Patience
    on_race: OnRace

    async def into(self, tiers: Sequence[Tier], key: str) -> tuple[Look, ...]:
        """Look into the first of *tiers*, and into the second where that is not waited for."""
        nearer = tiers[0]
        if nearer is self.memory:
            return (self._in_memory(key),)
        if len(tiers) == 1:
            return (await self._look(nearer, key),)
        wait = self.patience.wait()
        if wait is None:
            looks: tuple[Look, ...] = (await self._look(nearer, key),)
        else:
            ask, further = (partial(self._look, tier, key) for tier in tiers[:2])
            ran = await race(ask, further, wait, (nearer.name, tiers[1].name))
            looks = ran.looks
            if len(looks) > 1:
                self.on_race(ran)
        self.patience.note(looks[0])
        return looks

    def vouched(self, tier: Tier) -> bool:
        """Whether what *tier* has may be served: the database knows itself what was withdrawn."""
        return self.withdrawals.current or tier.name == DATABASE

    def standing(self, tier: Tier, entry: Entry) -> Entry | None:
        """Return *entry* unless it was withdrawn or *tier* cannot be sure of it."""
        now = self.withdrawals.position
        if not self.vouched(tier):
            return None
        if entry.position >= now:
            return entry
        if self.withdrawals.covers(entry):
            if tier is self.memory:
                self.memory.forget(entry.key)
            return None
        # It has stood up to here: the next look need not go through the log again.
        if tier is self.memory:
            self.memory.vouch(entry.key, now)
        return msgspec.structs.replace(entry, position=now)

    def _in_memory(self, key: str) -> Look:
        started, memory = perf_counter(), self.memory
        entry = memory.peek(key)
        if entry is not None:
            entry = self.standing(memory, entry)
        return Look(memory.name, entry, perf_counter() - started)

    async def _look(self, tier: Tier, key: str) -> Look:
        started = perf_counter()
        entry, failed = await self._get(tier, key)
        if entry is not None:
            entry = self.standing(tier, entry)
        state: Literal["answered", "failed"] = "failed" if failed else "answered"
        return Look(tier.name, entry, perf_counter() - started, state)

    async def _get(self, tier: Tier, key: str) -> tuple[Entry | None, bool]:
        """Return the entry, and whether the tier failed."""
        try:
            return await tier.get(key), False
        except CorruptEntryError as error:
            self.report(tier.name, "get", error)
            await self._forget(tier, key)
            return None, False
        except TierError as error:
            self.report(tier.name, "get", error)
            return None, True

    async def _forget(self, tier: Tier, key: str) -> None:
        try:
            await tier.drop([key])
        except TierError as error:
            self.report(tier.name, "drop", error)
