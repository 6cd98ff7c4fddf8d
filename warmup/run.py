"""One run: what is due is found, and loaded or only told."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Sequence

from gateway.assembly import Gateway
from gateway.lookup import Lookup
from gateway.precompute import precompute
from gateway.warming import Report, Warmed, warm
from gateway.warming.costs import Costs
from gateway.warming.freshness import fresh_among
from gateway.window import read_window
from storage.tier import TierError
from warmup.admission import Admission
from warmup.choice import chosen
from warmup.progress import Progress
from warmup.state import NoState, State
from warmup.summary import Outcome


class Run:
    """Loads what the command line names through *gateway*."""

    def __init__(self, gateway: Gateway, options: argparse.Namespace, *, batched: bool) -> None:
        self._gateway = gateway
        self._options = options
        self._batched = batched
        self._costs = Costs(gateway.routes, gateway.money)
        gateway.events.subscribe(self._costs)

    async def load(self) -> Outcome:
        """Load it, and return what became of it, also when the run is interrupted.

        Raise as `choice.chosen` does.
        """
        began, results = time.monotonic(), list[Warmed]()
        with NoState() if self._options.state is None else State(self._options.state) as state:
            wanted = await chosen(self._gateway, self._options)
            due = await self._due(wanted, state.done)
            progress = Progress(due, self._costs)
            admission = self._admission(progress)

            def tell(warmed: Warmed) -> None:
                results.append(warmed)
                state.note(warmed)
                admission.ended(warmed)
                progress.tell(warmed)

            try:
                await self._each(due, admission, tell)
            except asyncio.CancelledError:
                _uncancel()
                print("interrupted; what was loaded is kept", file=sys.stderr)
        seconds, fresh = time.monotonic() - began, len(wanted) - len(due)
        unended = len(due) - len(results)
        return Outcome(Report(tuple(results)), fresh, self._costs, seconds, unended)

    async def tell(self) -> None:
        """Print what `load` would ask, and what that may cost."""
        wanted = await chosen(self._gateway, self._options)
        due = await self._due(wanted, frozenset())
        for lookup in due:
            print(f"{lookup.source}: {lookup.text}")
        fresh = len(wanted) - len(due)
        print(f"{len(due)} calls to make; {fresh} fresh already; {self._costs.of(due)}")

    async def _due(self, wanted: Sequence[Lookup], done: frozenset[str]) -> list[Lookup]:
        gateway = self._gateway
        try:
            fresh = await fresh_among(gateway.survey, gateway.routes, wanted, gateway.clock)
        except TierError:  # each is looked for again when its turn comes
            fresh = set()
        known = fresh | done
        return [lookup for lookup in wanted if lookup.key not in known]

    def _admission(self, progress: Progress) -> Admission:
        options, section = self._options, self._gateway.config.warmup
        return Admission(
            self._costs,
            budget=options.budget,
            window=None if options.now else read_window(section.window),
            clock=self._gateway.clock,
            say=progress.say,
        )

    async def _each(
        self, due: Sequence[Lookup], admission: Admission, tell: Callable[[Warmed], None]
    ) -> None:
        concurrency = self._options.concurrency
        if not self._batched:
            await warm(
                self._gateway.resolver,
                due,
                concurrency=concurrency,
                progress=tell,
                admit=admission.admit,
            )
            return
        # A batch is paid for as a whole: what the budget has no room for is left out at once.
        affordable = []
        for lookup in due:
            refusal = await admission.admit(lookup)
            if refusal:
                tell(Warmed(lookup, "left", refusal))
            else:
                affordable.append(lookup)
        await precompute(self._gateway, affordable, concurrency=concurrency, progress=tell)


def _uncancel() -> None:
    """Let the rest of the task go on: what is in the air lands, and the report is told."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
