"""All tiers as one: what is found below is brought up, and what fails is gone around."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from itertools import takewhile
from typing import Any

from storage.entry import Entry, Found, Look
from storage.looks import DATABASE, Looks, OnRace, Report
from storage.memory import Kept, MemoryTier
from storage.races import Patience, Sequential
from storage.tier import Tier, TierAwayError, TierError, WithdrawnError
from storage.withdrawals import Scope, Withdrawals
from storage.write_behind import WriteBehind

UNKNOWN = 1 << 62
"""A position that no log comes to."""
OnRead = Callable[[str, bool, float], None]
"""Is told the tier, whether it had the entry, and the seconds that this took to know."""


class Tiers:
    """Looks in each of *tiers* in order, the nearest first, and keeps in all of them.

    A tier that fails, or holds foreign bytes, is a miss: *report* is told, and the next is asked.
    *on_read* is told of each look, on the way of every lookup: it must be quick. What *withdrawals*
    cover is a miss in every tier, and where they are not current only the database is asked.
    """

    def __init__(
        self,
        tiers: Sequence[Tier],
        report: Report,
        on_read: OnRead = lambda *_: None,
        withdrawals: Withdrawals | None = None,
        *,
        patience: Patience | None = None,
        on_race: OnRace = lambda _: None,
    ) -> None:
        self.withdrawals = withdrawals or Withdrawals()
        self._tiers = tuple(tiers)
        self._report = report
        self._on_read = on_read
        self._memory = next((t for t in tiers if isinstance(t, MemoryTier)), MemoryTier(0))
        self._behind = next((tier for tier in tiers if isinstance(tier, WriteBehind)), None)
        self._promotions: set[asyncio.Task[bool]] = set()
        self._drops = 0
        self._looks = Looks(
            self.withdrawals, self._memory, report, patience or Sequential(), on_race
        )

    @property
    def memory(self) -> MemoryTier:
        """The tier in memory; an empty one where there is none."""
        return self._memory

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tiers, the nearest first."""
        return tuple(tier.name for tier in self._tiers)

    def peek(self, key: str) -> Entry | None:
        """Return the entry if memory has it, at once."""
        entry = self._memory.peek(key)
        return None if entry is None else self._looks.standing(self._memory, entry)

    def handle(self, key: str) -> Kept | None:
        """Return the entry as memory keeps it; whether it may be served is asked by `stands`."""
        return self._memory.handle(key)

    def stands(self, kept: Kept) -> bool:
        """Say whether *kept* is what `peek` would return now."""
        log = self.withdrawals
        if not kept.json or not log.current:
            return False
        # Its own withdrawal ends it: only what the log has said since has to be looked at.
        return kept.position >= log.position or self.peek(kept.key) is not None

    @property
    def sure(self) -> bool:
        """Whether this process knows everything that was acknowledged as withdrawn."""
        return self.withdrawals.current

    @property
    def mark(self) -> int:
        """The position from which on an entry may be given to who comes now (`serves`).

        Nothing that is acknowledged as withdrawn by now stands behind it in the log. Where this
        process does not know that, there is none: no entry comes so far.
        """
        return self.withdrawals.position if self.sure else UNKNOWN

    def serves(self, entry: Entry, mark: int) -> bool:
        """Say whether *entry*, wherever it comes from, may be given to who came at *mark*.

        It may if it was fetched after all that was withdrawn before they came, and also where it is
        known that nothing of it was withdrawn. Else it may not: also where nobody can tell.
        """
        return entry.position >= mark or (self.sure and not self.withdrawn(entry))

    def withdrawn(self, entry: Entry) -> bool:
        """Say whether *entry*, which was found or fetched a while ago, was withdrawn since."""
        return self.withdrawals.covers(entry)

    async def find(self, key: str, *, shared: bool = False) -> Found | None:
        """Return the entry and the name of the nearest tier that has it, or None.

        *shared* asks only tiers that other replicas may have written to.

        The tiers above it get the entry too: memory at once, others behind the answer.
        """
        drops = self._drops
        left = [
            t for t in self._tiers if self._looks.vouched(t) and not (shared and t is self._memory)
        ]
        while left:
            looks = await self._looks.into(left, key)
            for look in looks:
                self._on_read(look.tier, look.entry is not None, look.seconds)
                if look.entry is not None:
                    # Read before a drop has ended: the answer may stand, but not come back up.
                    if drops == self._drops:
                        self._promote(look, looks)
                    return Found(look.entry, look.tier, looks if len(looks) > 1 else ())
            del left[: len(looks)]
        return None

    async def put(self, entry: Entry, *, memory_only: bool = False) -> tuple[str, ...]:
        """Keep *entry* in all tiers, or in memory alone; return the names of those that took it."""
        if memory_only:
            return (self._memory.name,) if self._memory.keep(entry) else ()
        nearer = [tier for tier in self._tiers if tier is not self._behind]
        took = await self._put_all(nearer, entry)
        names = [tier.name for tier, kept in zip(nearer, took, strict=True) if kept]
        if self._behind is not None:
            # Only what a tier beside this process's memory has may be written later.
            shared = any(name != self._memory.name for name in names)
            keep = self._behind.later if shared else self._behind.put
            if await self._kept(self._behind, keep(entry)):
                names.append(self._behind.name)
        return tuple(names)

    async def drop(self, keys: Sequence[str]) -> dict[str, int]:
        """Forget *keys* everywhere; return how many each tier had. A tier that failed is absent.

        The lowest goes first, so that nothing can be found below and brought up again.
        """
        counts: dict[str, int] = {}
        for tier in reversed(self._tiers):
            await self._settled()
            try:
                counts[tier.name] = await tier.drop(keys)
            except TierError as error:
                self._report(tier.name, "drop", error)
            self._drops += 1
        return counts

    async def unlink(self, keys: Sequence[str]) -> int | None:
        """Forget *keys* in every tier that is neither memory nor the database; return how many.

        None where one of them is away. What it has is a miss in every replica all the same, by its
        position: a withdrawal need not wait for it. Raise `TierError` where one refuses.
        """
        shared = [t for t in self._tiers if t is not self._memory and t.name != DATABASE]
        await self._settled()
        try:
            return sum([await tier.drop(keys) for tier in shared]) if keys else 0
        except TierAwayError:
            return None

    def forget(self, scope: Scope) -> None:
        """Give back the memory of what *scope* names, as far as that is found at once.

        What is left is a miss all the same, and makes room when its turn comes.
        """
        if scope.kind == "key":
            self._memory.forget(scope.value)
        self._drops += 1

    def forget_memory(self) -> None:
        """Give back all memory."""
        self._memory.clear()
        self._drops += 1

    async def ping(self, within: float = 5.0) -> dict[str, str]:
        """Return ``ok``, or why it does not work *within* so many seconds, for each tier."""
        answers = await asyncio.gather(*(_ping(tier, within) for tier in self._tiers))
        return {tier.name: answer for tier, answer in zip(self._tiers, answers, strict=True)}

    async def close(self) -> None:
        """Finish what goes on behind answers and close every tier."""
        await self._settled()
        for tier in reversed(self._tiers):  # what is written behind is still known above
            try:
                await tier.close()
            except TierError as error:
                self._report(tier.name, "close", error)

    async def _put_all(self, tiers: Sequence[Tier], entry: Entry) -> Sequence[bool]:
        slow = [tier for tier in tiers if not isinstance(tier, MemoryTier)]
        if len(slow) > 1:
            return await asyncio.gather(*(self._put(tier, entry) for tier in tiers))
        return [await self._put(tier, entry) for tier in tiers]

    async def _put(self, tier: Tier, entry: Entry) -> bool:
        if isinstance(tier, MemoryTier):
            return tier.keep(entry)
        return await self._kept(tier, tier.put(entry))

    async def _kept(self, tier: Tier, putting: Coroutine[Any, Any, None]) -> bool:
        try:
            await putting
        except WithdrawnError:
            return False
        except TierError as error:
            self._report(tier.name, "put", error)
            return False
        return True

    def _promote(self, found: Look, looks: Sequence[Look]) -> None:
        """Keep what was *found* in the tiers above; one that was left may have it already."""
        left = {look.tier for look in looks if look.state == "left"}
        above = takewhile(lambda tier: tier.name != found.tier, self._tiers)
        for tier in above:
            if isinstance(tier, MemoryTier) and found.entry is not None:
                tier.keep(found.entry)
            elif tier.name not in left and found.entry is not None:
                task = asyncio.create_task(self._put(tier, found.entry))
                self._promotions.add(task)
                task.add_done_callback(self._promotions.discard)

    async def _settled(self) -> None:
        while self._promotions:
            await asyncio.wait(self._promotions)


async def _ping(tier: Tier, within: float) -> str:
    try:
        async with asyncio.timeout(within):
            await tier.ping()
    except TierError as error:
        return str(error)
    except TimeoutError:
        return f"no answer within {within:g} s"
    return "ok"
