"""One simulation: the real resolver, flights, guard and memory over a scripted upstream."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from adapters.errors import Kind, UpstreamError
from adapters.guard import Guarded
from adapters.source import Payload, Query
from gateway.lookup import Lookup
from tests.simulation.core import CREDIT, SOUND, Build, Rules, open_core
from tests.simulation.loop import run
from tests.simulation.oracles import Oracles
from tests.simulation.plan import SECONDS, Plan, Visit, draw_plan, tenths

START = 1_800_000_000.0
"""Unix time at which simulations begin."""
_CHANGES_EVERY = 7.0
"""Seconds for which the upstream's content stays what it is."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a simulation showed."""

    faults: tuple[str, ...]
    outcomes: Counter[str]
    calls: int


class Upstream:
    """Answers, fails, dawdles or hangs, by its mood at the time."""

    def __init__(self, plan: Plan, oracles: Oracles, clock: Callable[[], float]) -> None:
        self.calls = 0
        self._plan = plan
        self._oracles = oracles
        self._clock = clock
        self._rng = Random(plan.seed + 1)

    async def fetch(self, query: Query) -> Payload:
        self.calls += 1
        now = asyncio.get_running_loop().time
        self._oracles.call_began(query.text, now())
        error: BaseException | None = None
        try:
            await self._behave(now())
            return self._payload(query)
        except BaseException as caught:
            error = caught
            raise
        finally:
            self._oracles.call_ended(query.text, error, now())

    def version(self, at: float) -> int:
        """Return what the upstream's content is at Unix time *at*."""
        return int((at - START) // _CHANGES_EVERY)

    def _payload(self, query: Query) -> Payload:
        at = self._clock()
        version = self.version(at)
        if query.validator == str(version):
            return Payload((), 0, CREDIT, at, unchanged=True)
        records = ({"id": "1", "name": query.text, "version": version},)
        return Payload(records, 1, CREDIT, at, validator=str(version))

    async def _behave(self, now: float) -> None:
        rng, moods = self._rng, self._plan.moods
        mood = moods[min(int(now / SECONDS * len(moods)), len(moods) - 1)]
        if mood == "mixed":
            mood = rng.choice(("well", "failing", "slow", "hanging"))
        if mood == "hanging":
            await asyncio.Event().wait()
        await asyncio.sleep(tenths(rng, 1, 5) if mood == "slow" else tenths(rng, 0, 0.3))
        for _ in range(rng.randint(0, 4)):
            # Some steps of the loop between the timer and the end: real answers have them too.
            await asyncio.sleep(0)
        if mood == "failing":
            raise UpstreamError(rng.choice((Kind.TRANSIENT, Kind.MALFORMED)), "no")
        if mood == "limiting" and rng.random() < 0.5:
            raise UpstreamError(Kind.QUOTA_SHORT, "wait", retry_after=rng.choice((0.5, 1.0, 8.0)))


class World:
    """Everything that one plan needs, in one virtual loop."""

    def __init__(self, plan: Plan, build: Build) -> None:
        loop, rng = asyncio.get_running_loop(), Random(plan.seed + 2)
        self.plan = plan
        self.clock: Callable[[], float] = lambda: START + loop.time()
        self.oracles = Oracles(plan)
        self.upstream = Upstream(plan, self.oracles, self.clock)
        self.guard = self._guard(build, rng)
        rules = Rules(plan.policy, plan.deadlines, plan.flights)
        self.core = open_core(self.guard, rules, self.clock, rng, build)

    def _guard(self, build: Build, rng: Random) -> Guarded:
        loop, limits = asyncio.get_running_loop(), self.plan.limits
        breaker = build.breaker(
            "s",
            limits.breaker.failures,
            limits.breaker.reset,
            clock=self.clock,
            on_change=lambda _name, _before, after: self.oracles.circuit_changed(
                after, loop.time()
            ),
            rates=limits.breaker.rates,
        )
        guard = build.guard(self.upstream, limits, breaker, clock=self.clock, jitter=rng.random)
        guard.permits = build.permits(limits.concurrency, limits.queue)
        return guard

    async def play(self) -> Report:
        """Let every caller come, wait until all is over, and see what is left."""
        async with asyncio.TaskGroup() as group:
            for visit in self.plan.visits:
                group.create_task(self._visit(visit))
        # The longest flight ends by itself; whoever is still there afterwards hangs.
        await asyncio.sleep(self.plan.deadlines.bulk + 1)
        self._look_around()
        return Report(tuple(self.oracles.faults), self.oracles.outcomes, self.upstream.calls)

    async def _visit(self, visit: Visit) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(visit.at)
        began = loop.time()
        asking = loop.create_task(self._ask(visit))
        await asyncio.wait([asking], timeout=visit.hangs_up_after)
        if not asking.done():
            asking.cancel()
            await asyncio.wait([asking])
            return
        self.oracles.left(visit, began, loop.time())
        error = asyncio.CancelledError() if asking.cancelled() else asking.exception()
        if error is not None:
            self.oracles.failed(visit, error)

    async def _ask(self, visit: Visit) -> None:
        lookup = Lookup("s", visit.name)
        if visit.priority is None:
            answer = await self.core.resolver.resolve(lookup, visit.within)
        else:
            refreshed = await self.core.resolver.refresh(lookup, visit.priority)
            if refreshed is None:
                return
            answer = refreshed
        truth = self.upstream.version(answer.entry.records.at)
        self.oracles.answered(visit, answer, truth, self.clock())

    def _look_around(self) -> None:
        permits, oracles = self.guard.permits, self.oracles
        flights, fetches = self.core.flights, self.core.fetches
        if permits.free != self.plan.limits.concurrency or permits.waiting:
            oracles.fault("permits", f"{permits.free} free, {permits.waiting} waiting in the end")
        if flights.count or fetches.count:
            oracles.fault("deadline", f"{flights.count} flights never ended")
        if flights.waiters or fetches.waiters:
            oracles.fault("leaving", f"{flights.waiters} waiters counted, all have gone")


def simulate(seed: int, build: Build = SOUND) -> Report:
    """Play the plan of *seed*."""

    async def story() -> Report:
        return await World(draw_plan(seed), build).play()

    return run(story())
