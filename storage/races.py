"""Asking two tiers for one entry: when the second is asked, and who wins.

When to ask is decided apart from the asking (`Patience`), by nothing but what the nearer tier took
lately.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

from storage.entry import Look

REMEMBERED = 200
"""Looks by which the nearer tier's 95th percentile is known."""
ENOUGH = 20
"""With fewer than so many it is not known, and the tiers are asked one after the other."""
SHARE = 0.95


@dataclass(frozen=True, slots=True)
class Race:
    """How two tiers did that were both asked, the nearer first."""

    looks: tuple[Look, ...]
    winner: str = ""
    """The tier whose entry was taken; empty: neither had it."""


class Patience(Protocol):
    """For how long the nearer tier is waited for before the next is asked as well."""

    def wait(self) -> float | None:
        """Return seconds; None: until it has answered."""

    def note(self, look: Look) -> None:
        """Learn from a look of the nearer tier."""


class Sequential:
    """Always waits."""

    def wait(self) -> float | None:
        """Return None."""
        return None

    def note(self, look: Look) -> None:
        """Learn nothing."""


class Racing:
    """Never waits."""

    def wait(self) -> float | None:
        """Return 0."""
        return 0.0

    def note(self, look: Look) -> None:
        """Learn nothing."""


class Hedged:
    """Waits for as long as 95 of 100 of the last looks took.

    A look that was given up counts with the time for which it was waited: else the slow ones would
    be forgotten, and the wait would shrink to nothing.
    """

    def __init__(self) -> None:
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []

    def wait(self) -> float | None:
        """Return the 95th percentile; None while too little is known."""
        if len(self._sorted) < ENOUGH:
            return None
        return self._sorted[int(len(self._sorted) * SHARE)]

    def note(self, look: Look) -> None:
        """Learn how long *look* took; a failure says nothing about that."""
        if look.state == "failed":
            return
        self._recent.append(look.seconds)
        insort(self._sorted, look.seconds)
        if len(self._recent) > REMEMBERED:
            self._sorted.remove(self._recent.popleft())


PATIENCE: dict[str, Callable[[], Patience]] = {
    "sequential": Sequential,
    "hedged": Hedged,
    "race": Racing,
}
"""By ``database.read``."""

Ask = Callable[[], Awaitable[Look]]


async def race(nearer: Ask, further: Ask, wait: float, names: tuple[str, str]) -> Race:
    """Ask *nearer*, and after *wait* seconds, or as soon as it has nothing, *further* as well.

    The first that has the entry wins, and the other is cancelled. *names* are those of the tiers.
    """
    started = perf_counter()
    tasks = [asyncio.ensure_future(nearer())]
    try:
        if wait > 0:
            await asyncio.wait(tasks, timeout=wait)
        if not (tasks[0].done() and tasks[0].result().entry is not None):
            tasks.append(asyncio.ensure_future(further()))
        while not any(_has(task) for task in tasks):
            pending = [task for task in tasks if not task.done()]
            if not pending:
                break
            await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        waited = perf_counter() - started
        looks = tuple(
            task.result() if task.done() else Look(name, None, waited, "left")
            for task, name in zip(tasks, names, strict=False)
        )
        return Race(looks, next((each.tier for each in looks if each.entry is not None), ""))
    finally:
        for task in tasks:
            task.cancel()


def _has(task: asyncio.Future[Look]) -> bool:
    return task.done() and task.result().entry is not None
