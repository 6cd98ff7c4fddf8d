"""A resolver over parts that a test holds: a scripted source, a scripted summarizer, a clock."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from adapters.commitment import commit
from adapters.errors import SummaryError, UpstreamError
from adapters.source import Attribution, Payload, Priority, Query, Record
from adapters.sources.units import Duration
from adapters.summarizers.base import Brief, Draft, Roles, Summarizer, Usage
from adapters.summarizers.extractive import Extractive
from gateway.events import Event, Events
from gateway.flights import Flights
from gateway.freshness import FreshnessSpec
from gateway.lookup import Lookup
from gateway.quality import QualityGate, QualitySpec
from gateway.refill import Refill
from gateway.refill.fetching import Fetch
from gateway.resolver import Resolver
from gateway.route import Route
from gateway.spend.budgets import Budgets, BudgetsSpec
from gateway.spend.till import Till
from gateway.summaries import Summaries
from storage.entry import Entry, Part
from storage.memory import MemoryTier
from storage.name_index import NameIndex
from storage.summaries import SummaryStore
from storage.tier import TierError
from storage.tiers import Tiers
from tests.clocks import ManualClock

CREDIT = Attribution("the source", "https://example.org", "CC0")
RECORD = {"id": "1", "name": "타이레놀", "purpose": "두통에 사용합니다."}
POLICY = FreshnessSpec(
    ttl=Duration(100),
    negative_ttl=Duration(10),
    stale_while_revalidate=Duration(50),
    stale_if_error=Duration(200),
    jitter=0.0,
)


@dataclass
class ScriptedSource:
    """Gives what *records* it has when it is asked, or the errors that were scripted; waits for
    the *gate* that is there then; counts its calls.
    """

    clock: ManualClock
    records: tuple[Record, ...] = (RECORD,)
    errors: deque[UpstreamError] = field(default_factory=deque)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    calls: int = 0
    priorities: list[Priority] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate.set()

    async def fetch(self, query: Query) -> Payload:
        self.calls += 1
        self.priorities.append(query.priority)
        records = self.records
        commit()
        await self.gate.wait()
        if self.errors:
            raise self.errors.popleft()
        return Payload(records, len(records), CREDIT, self.clock())


@dataclass
class ScriptedSummarizer(Summarizer):
    """Writes *text*, or raises the errors that were scripted; waits for the *gate* that is there
    when it is asked; counts its calls.
    """

    text: str = "두통에 사용합니다."
    finish: str = "stop"
    errors: deque[SummaryError] = field(default_factory=deque)
    briefs: list[Brief] = field(default_factory=list)
    name: str = "openai:mock"
    version: str = "1"
    mended: str = ""
    """What is written once the faults were told."""
    left_out: int = 0
    """The number of a record that is forgotten where several are written about."""
    usage: Usage = field(default_factory=Usage)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def summarize(self, brief: Brief) -> Draft:
        self.briefs.append(brief)
        await self.gate.wait()
        if self.errors:
            raise self.errors.popleft()
        text = self.mended if brief.rejected and self.mended else self.text
        if brief.each:
            numbers = range(1, len(brief.records) + 1)
            every = [{"record": n, "summary": text} for n in numbers if n != self.left_out]
            report = {"summaries": every}
            return Draft("", self.name, report, finish=self.finish, usage=self.usage)
        return Draft(text, self.name, finish=self.finish, usage=self.usage)


class Remembered(SummaryStore):
    """Summaries in a dict, or failing while *broken*; those that are put wait for *gate*."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.kept: dict[str, tuple[Part, float]] = {}
        self.broken = False
        self.reads = 0

    async def get(self, digest: str) -> Part | None:
        self._check()
        return self.kept[digest][0] if digest in self.kept else None

    async def find(self, digests: Sequence[str]) -> dict[str, Part]:
        self.reads += 1
        self._check()
        return {digest: self.kept[digest][0] for digest in digests if digest in self.kept}

    async def put_many(self, summaries: Sequence[tuple[Part, float]]) -> None:
        await self.gate.wait()
        self._check()
        self.kept |= {summary.digest: (summary, until) for summary, until in summaries}

    def _check(self) -> None:
        if self.broken:
            raise TierError("no disk")


class Names(NameIndex):
    """Names in a list."""

    def __init__(self) -> None:
        self.known: list[tuple[str, str, str]] = []

    async def remember(
        self, source: str, items: Sequence[tuple[str, str]], since: int | None = None
    ) -> None:
        self.known += [(source, number, name) for number, name in items]


def unbounded_till(events: Events) -> Till:
    """A till without prices and budgets."""
    budgets = Budgets(BudgetsSpec(), spent=lambda _: 0, today=str, events=events)
    return Till({}, budgets, events)


class World:
    """Everything between a lookup and its answer."""

    def __init__(
        self,
        *,
        policy: FreshnessSpec = POLICY,
        store: Literal["permanent", "memory_only", "never"] = "permanent",
        scope: Literal["result", "item"] = "result",
        memory: int = 1 << 20,
    ) -> None:
        self.clock = ManualClock()
        self.source = ScriptedSource(self.clock)
        self.summarizer = ScriptedSummarizer()
        self.seen: list[Event] = []
        self.memory = MemoryTier(memory)
        self.tiers = Tiers([self.memory], lambda tier, operation, error: None)
        self.flights: Flights[Entry] = Flights(60, self.clock)
        fetches: Flights[Fetch] = Flights(60, self.clock)
        writings: Flights[Part | None] = Flights(60, self.clock)
        self.summaries = Remembered()
        self.names = Names()
        events = Events(self.seen.append)
        self.route = Route(
            name="medicine",
            source=self.source,
            gate=QualityGate(QualitySpec()),
            attribution=CREDIT,
            summarizer=self.summarizer,
            store=store,
            scope=scope,
            per_call=3,
            freshness=policy,
            language="ko",
            roles=Roles(purpose=("purpose",)),
        )
        self.refill = Refill(
            tiers=self.tiers,
            summaries=Summaries(
                store=self.summaries,
                writings=writings,
                extractive=Extractive(),
                till=unbounded_till(events),
                events=events,
                clock=self.clock,
            ),
            names=self.names,
            fetches=fetches,
            events=events,
            clock=self.clock,
        )
        self.resolver = Resolver(
            routes={"medicine": self.route},
            tiers=self.tiers,
            flights=self.flights,
            refill=self.refill,
            events=events,
            clock=self.clock,
        )

    def lookup(self, text: str = "타이레놀", keyword: str = "") -> Lookup:
        return Lookup("medicine", text, keyword=keyword, language="ko")

    async def landed(self) -> None:
        """Wait until no flight is in the air."""
        while self.flights.count:
            await asyncio.sleep(0)
