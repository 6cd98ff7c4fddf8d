"""The rounds of a run: fleets go through them side by side, and now and then a server dies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from tests.coherence.checker import Report
from tests.coherence.world import Fleet, Plan, World

OnRound = Callable[[Report], None]


async def run(world: World, folder: Path, plan: Plan, on_round: OnRound = lambda _: None) -> Report:
    """Do the rounds of *plan*, telling *on_round* of each; return what was found."""
    rounds = Rounds(world, plan, on_round)
    async with AsyncExitStack() as stack:
        fleets = [
            await stack.enter_async_context(
                world.fleet(folder / str(number), number, plan, rounds.report)
            )
            for number in range(plan.fleets)
        ]
        async with asyncio.TaskGroup() as group:
            for fleet in fleets:
                group.create_task(rounds.of(fleet))
        for fleet in fleets:
            await fleet.check_log()
    return rounds.report


class Rounds:
    """Those that *plan* wants, of all fleets together."""

    def __init__(self, world: World, plan: Plan, on_round: OnRound) -> None:
        self._world = world
        self._plan = plan
        self._on_round = on_round
        self._ends = time.monotonic() + plan.within
        self._killing = asyncio.Lock()
        self.report = Report()

    async def of(self, fleet: Fleet) -> None:
        """Have *fleet* do rounds until there were enough of them, or too much was found."""
        report, plan = self.report, self._plan
        while report.rounds < plan.rounds and len(report.violations) < plan.give_up:
            if time.monotonic() > self._ends:
                return
            report.rounds += 1
            if plan.killing and report.rounds % plan.killing == 0:
                await self._kill(fleet)
            elif fleet.chance.random() < 0.4:
                await self._calm(fleet)
            else:
                await self._faulty(fleet)
            self._on_round(report)

    async def _calm(self, fleet: Fleet) -> None:
        """Nothing befalls; then all want one thing at once, and one fetches it."""
        self.report.faults["none"] += 1
        await self._asked(fleet)
        began, before = time.monotonic(), await self._ties(fleet)
        if not await fleet.checker.withdraw_all():
            return
        query = await fleet.checker.crowd()
        took = time.monotonic() - began
        # All have told that they know of the withdrawal, and may serve copies for a lease from
        # when they began to read of it, which may be a while before it: one whose lease is over
        # fetches for itself, and is no fault.
        quick = took < self._plan.lease / 3
        if quick and before is not None and before == await self._ties(fleet):
            fleet.checker.count_calls(query, took)

    async def _ties(self, fleet: Fleet) -> object:
        """Return what changes when a replica loses Redis; None where one has lost it now, or the
        log: withdrawals do not wait for it then, and it fetches for itself until it is back.
        """
        shares = await asyncio.gather(*(each.shares() for each in fleet.checker.replicas))
        steady = all(shares) and self._world.kills % 2 == 0
        return (self._world.kills, fleet.connections()) if steady else None

    async def _faulty(self, fleet: Fleet) -> None:
        """Something befalls while replicas are asked, is mended, and all is asked for again."""
        checker, plan, chance = fleet.checker, self._plan, fleet.chance
        fault = fleet.victims.draw(chance, plan.whose)
        self.report.faults[fault.name] += 1
        asked = asyncio.create_task(self._asked(fleet))
        await asyncio.sleep(chance.random() * plan.seconds)
        await fault.begin()
        if fault.withdrawn_within or chance.random() < plan.outlasting:
            # Longer than those who can't be heard of are waited for.
            meanwhile, lasts = checker.outlast(), 3 * plan.lease
        else:
            meanwhile, lasts = checker.sweep(), chance.random() * plan.lasting
        task = asyncio.create_task(meanwhile)
        await asyncio.wait([task], timeout=lasts)
        await fault.end()
        await fleet.victims.mend()
        await task
        await asked
        await checker.sweep()

    async def _asked(self, fleet: Fleet) -> None:
        """Replicas are asked, and what they have is withdrawn, in one of two ways."""
        if fleet.chance.random() < 0.5:
            await fleet.checker.cross()
        else:
            await fleet.checker.storm(self._plan.doings, self._plan.seconds)

    async def _kill(self, fleet: Fleet) -> None:
        """A server dies and comes back, for all fleets."""
        checker, plan = fleet.checker, self._plan
        async with self._killing:
            storm = asyncio.create_task(checker.storm(plan.doings, 0.3))
            self.report.faults[await self._world.kill(fleet.chance)] += 1
            await storm
            await checker.sweep()
