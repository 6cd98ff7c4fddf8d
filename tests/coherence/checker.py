"""What no replica may do, whatever is done to the servers below it, and who watches for it."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.coherence.replicas import SOURCE, AwayError, RefusedError, Replica, UnansweredError
from tests.coherence.upstream import Upstream

PATIENCE = 30.0
"""Seconds after which something hangs."""


@dataclass
class Report:
    """What was done, and what was found."""

    rounds: int = 0
    lookups: int = 0
    withdrawals: int = 0
    refused: int = 0
    """Withdrawals that were not acknowledged."""
    counted: int = 0
    """Bursts whose upstream calls were counted, since leases could be had throughout."""
    faults: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)


class Checker:
    """Asks *replicas* at random for *queries* of *upstream*, and keeps what may be served."""

    def __init__(
        self,
        replicas: Sequence[Replica],
        upstream: Upstream,
        queries: Sequence[str],
        chance: random.Random,
        report: Report,
    ) -> None:
        self.replicas = list(replicas)
        self.report = report
        self.positions: list[int] = []
        """Of acknowledged withdrawals."""
        self._upstream = upstream
        self._queries = queries
        self._random = chance
        self._floor: Counter[str] = Counter()
        """The generation below which nothing may be served any more, by query."""

    async def storm(self, count: int, seconds: float) -> None:
        """Do *count* things at random times within *seconds*, by random replicas."""
        await self._all([self._something(self._random.random() * seconds) for _ in range(count)])

    async def cross(self) -> None:
        """Withdraw what everybody fetches just now, and ask for it before and when that has ended.

        Some renew it, or want it with or without a summary before and the other way later: where
        there are summaries their flights are others, and share the fetch.
        """
        await self.withdraw_all()
        query, before = self._random.choice(self._queries), self._random.random() < 0.5
        with self._upstream.holding(query) as held:
            renewing = [self._random.random() < 0.3 for _ in self.replicas]
            asks = [
                asyncio.ensure_future(self._ask(replica, query, renew=renew, summary=before))
                for replica, renew in zip(self.replicas, renewing, strict=True)
            ]
            asked = asyncio.ensure_future(held.asked.wait())
            await asyncio.wait([asked, *asks], timeout=1, return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
            await self._all([self._withdraw_one(query)])
            asks += [
                asyncio.ensure_future(self._ask(each, query, summary=summary))
                for each in self.replicas
                for summary in (not before, before)
            ]
            await asyncio.sleep(0.02)  # they are under way
        await self._all(asks)
        await self._all([self._ask(replica, query) for replica in self.replicas])

    async def sweep(self) -> None:
        """Ask every replica for everything."""
        await self._all([self._ask(r, q) for r in self.replicas for q in self._queries])

    async def outlast(self) -> None:
        """Ask for everything as soon as all withdrawals are acknowledged, whatever befalls."""
        await self._all([self._withdraw_one(query) for query in self._queries])
        await self.sweep()

    async def withdraw_all(self) -> bool:
        """Withdraw everything; return whether it was acknowledged."""
        return await self._withdraw(self._random.choice(self.replicas), {"source": SOURCE})

    async def crowd(self) -> str:
        """Ask all replicas for one query at once, three times each; return which."""
        query = self._random.choice(self._queries)
        await self._all([self._ask(replica, query) for replica in self.replicas for _ in range(3)])
        return query

    def count_calls(self, query: str, took: float) -> None:
        """See that there was one upstream call for the generation of *query* that holds.

        It was asked for within *took* seconds.
        """
        self.report.counted += 1
        wanted = query, self._upstream.generations[query]
        if (calls := self._upstream.calls[wanted]) != 1:
            calls_for = f"{calls} upstream calls for generation {wanted[1]} of {query}"
            self.violated(f"{calls_for} within {took * 1000:.0f} ms")

    def may_serve(self, query: str, generation: int) -> bool:
        return generation >= self._floor[query]

    def violated(self, what: str) -> None:
        self.report.violations.append(f"round {self.report.rounds}: {what}")

    async def _all(self, doings: Sequence[Awaitable[object]]) -> None:
        tasks = [asyncio.ensure_future(doing) for doing in doings]
        done, hanging = await asyncio.wait(tasks, timeout=PATIENCE)
        for task in hanging:
            task.cancel()
        if hanging:
            self.violated(f"{len(hanging)} hang")
        for task in done:
            task.result()

    async def _something(self, delay: float) -> None:
        await asyncio.sleep(delay)
        replica, draw = self._random.choice(self.replicas), self._random.random()
        query = self._random.choice(self._queries)
        if draw < 0.65:
            await self._ask(replica, query)
        elif draw < 0.75:
            await self._ask(replica, query, renew=True)
        elif draw < 0.88:
            await self._withdraw(replica, {"source": SOURCE, "q": query})
        elif draw < 0.95:
            await self._withdraw(replica, {"item": {"source": SOURCE, "id": query}})
        else:
            await self._withdraw(replica, {"source": SOURCE})

    async def _withdraw_one(self, query: str) -> None:
        await self._withdraw(self._random.choice(self.replicas), {"source": SOURCE, "q": query})

    async def _ask(
        self, replica: Replica, query: str, *, renew: bool = False, summary: bool = True
    ) -> None:
        least = self._floor[query]
        self.report.lookups += 1
        try:
            asking = replica.renew(query) if renew else replica.ask(query, summary=summary)
            served = await asking
        except AwayError:
            return
        except UnansweredError as error:
            self.violated(f"{query} was not answered: {error}")
            return
        if served < least:
            who = self.replicas.index(replica)
            self.violated(f"replica {who} served generation {served} of {query}, not {least}")

    async def _withdraw(self, replica: Replica, body: Mapping[str, Any]) -> bool:
        named = body["q"] if "q" in body else body.get("item", {}).get("id")
        new = self._upstream.bump(*([named] if named else self._queries))
        self.report.withdrawals += 1
        try:
            position = await replica.withdraw(body)
        except RefusedError:
            self.report.refused += 1
            return False
        self.positions.append(position)
        for query, generation in new.items():
            self._floor[query] = max(self._floor[query], generation)
        return True
