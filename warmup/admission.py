"""Whether a run may go on: within its window of the day, and within its budget."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from gateway.lookup import Lookup
from gateway.spend.prices import NANOS
from gateway.warming import Warmed
from gateway.warming.costs import Costs
from gateway.window import Window


class Admission:
    """Lets lookups be loaded while the window is open and what they may cost is left.

    What is being loaded holds what it may cost, so that several at once do not overspend.
    """

    def __init__(
        self,
        costs: Costs,
        *,
        budget: float | None,
        window: Window | None,
        clock: Callable[[], float],
        say: Callable[[str], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """*budget* is in USD; *clock* gives Unix seconds; *say* is told of what is waited for."""
        self._costs = costs
        self._budget = budget
        self._window = window
        self._clock = clock
        self._say = say
        self._sleep = sleep
        self._held: dict[str, int] = {}

    async def admit(self, lookup: Lookup) -> str:
        """Wait until *lookup* may be loaded; return why it is not to be, or nothing."""
        await self._opened()
        price = self._costs.of([lookup]).nanos
        if self._budget is not None:
            held = self._costs.spent.nanos + sum(self._held.values())
            if held + price > self._budget * NANOS:
                return f"the budget of ${self._budget:g} has no room for it"
        self._held[lookup.key] = price
        return ""

    def ended(self, warmed: Warmed) -> None:
        """Note that *warmed* has cost what it did."""
        self._held.pop(warmed.lookup.key, None)

    async def _opened(self) -> None:
        if self._window is None:
            return
        while (wait := self._window.wait(self._clock())) > 0:
            self._say(f"waiting {_hours(wait)} for the window to open")
            # The clock may be set meanwhile: looked at again, not only once.
            await self._sleep(min(wait, 600.0))


def _hours(seconds: float) -> str:
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"
