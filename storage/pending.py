"""What waits to be written: the last entry of each key, in the order in which keys came."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from storage.entry import Entry


@dataclass(slots=True)
class Pending:
    """One entry that is not written yet, and who waits for that."""

    entry: Entry
    since: float
    """When it came, by the loop's clock."""
    noted: bool
    """Whether the backlog has it: it may be tried again."""
    _waiters: list[asyncio.Future[None]] = field(default_factory=list)
    _ended: bool = False
    _error: BaseException | None = None

    async def ended(self) -> None:
        """Return when it is written, or raise why it is not."""
        if not self._ended:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(future)
            await future
        elif self._error is not None:
            raise self._error

    def end(self, error: BaseException | None) -> None:
        """Tell all who wait that it is written, or why not."""
        self._ended, self._error = True, error
        for future in self._waiters:
            if future.done():
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)
        self._waiters.clear()


class PendingWrites:
    """Entries that wait, which is the length, and those that are out to be written.

    Of each key at most one is out, so that none overtakes another.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, Pending] = {}
        self._out: dict[str, Pending] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, key: str) -> bool:
        return key in self._waiting or key in self._out

    def __iter__(self) -> Iterator[Pending]:
        yield from self._out.values()
        yield from self._waiting.values()

    @property
    def out(self) -> int:
        """How many are being written."""
        return len(self._out)

    def get(self, key: str) -> Pending | None:
        """Return the newest of *key*."""
        return self._waiting.get(key) or self._out.get(key)

    def out_under(self, key: str) -> Pending | None:
        """Return what is being written under *key*."""
        return self._out.get(key)

    def add(self, entry: Entry, now: float, *, noted: bool) -> Pending:
        """Return what stands for *entry*: the last of a key, whoever waits for one before it."""
        pending = self._waiting.get(entry.key)
        if pending is None:
            pending = self._waiting[entry.key] = Pending(entry, now, noted)
        else:
            pending.entry, pending.noted = entry, pending.noted or noted
        return pending

    def discard(self, key: str) -> Pending | None:
        """Return what waited under *key*, which does so no more."""
        return self._waiting.pop(key, None)

    def take(self, most: int) -> list[Pending]:
        """Return the first that wait, which are out from now on."""
        taken = []
        for key, pending in self._waiting.items():
            if key not in self._out:
                taken.append(pending)
                if len(taken) == most:
                    break
        for pending in taken:
            self._out[pending.entry.key] = self._waiting.pop(pending.entry.key)
        return taken

    def back(self, taken: Iterable[Pending]) -> None:
        """Note that what was taken is out no more."""
        for pending in taken:
            del self._out[pending.entry.key]

    def again(self, failed: Iterable[Pending]) -> None:
        """Have entries wait before what came after them; where a newer one waits, it stands."""
        self._waiting = {each.entry.key: each for each in failed} | self._waiting
