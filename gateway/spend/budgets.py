"""What may be spent in a day, and who is refused first when it runs out.

Bulk work and warm-ups may use a share of each budget, refreshes a larger one, callers all of it.
A call in the air holds its estimated price, so that fifty calls at once do not each find the same
dollar: a budget is overshot by no more than what those calls cost beyond their estimates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Annotated, Protocol

import msgspec

from adapters.errors import SummaryError
from adapters.source import Priority
from adapters.sources.units import Share, Spec
from gateway.events import BudgetExhausted, Events
from gateway.spend.prices import NANOS

Dollars = Annotated[float, msgspec.Meta(ge=0)]

WHOLE_DAY = "day"


class SharesSpec(Spec, frozen=True, kw_only=True):
    """What part of every budget may be spent while nobody waits."""

    bulk: Share = 0.5
    """By warm-ups and bulk work: they are refused first."""
    refresh: Share = 0.8
    """By refreshes behind an answer: they are refused next, and callers last."""


class BudgetsSpec(Spec, frozen=True, kw_only=True):
    """What summaries may cost in a day (UTC), in USD; without a number there is no bound."""

    day: Dollars | None = None
    """All of them together."""
    sources: dict[str, Dollars] = msgspec.field(default_factory=dict)
    """Those of a source, by its name."""
    tenants: dict[str, Dollars] = msgspec.field(default_factory=dict)
    """Those of a tenant, by its name."""
    background_share: SharesSpec = msgspec.field(default_factory=SharesSpec)
    """Who is refused first."""

    @property
    def bounded(self) -> bool:
        """Whether there is any budget."""
        return self.day is not None or bool(self.sources or self.tenants)


@dataclass(frozen=True, slots=True)
class Budget:
    """One bound, in billionths of a dollar."""

    scope: str
    """``day``, ``source:NAME`` or ``tenant:NAME``."""
    limit: int


@dataclass(slots=True)
class Hold:
    """The estimated price of a call in the air; *unknown* once nobody can tell the real one."""

    estimate: int
    unknown: bool = False


class Holds(Protocol):
    """What lets calls go while there is money for them."""

    def hold(
        self, tenant: str, source: str, priority: Priority, estimate: Callable[[], int]
    ) -> AbstractContextManager[Hold]:
        """Hold what a call is *estimate*d to cost; raise `SummaryError` ``budget``."""


def scopes_of(tenant: str, source: str) -> tuple[str, str, str]:
    """Return every scope in which a call for *tenant* and *source* counts."""
    return (WHOLE_DAY, f"source:{source}", f"tenant:{tenant}")


def refusing(
    budgets: Sequence[Budget], used: Callable[[str], int], share: float, estimate: int
) -> str | None:
    """Return the first scope of *budgets* in which *estimate* finds no room; None: it may go.

    *used* tells what a scope has spent and holds.
    """
    for budget in budgets:
        if used(budget.scope) + estimate > round(budget.limit * share):
            return budget.scope
    return None


def share_of(shares: SharesSpec, priority: Priority) -> float:
    """Return what part of a budget *priority* may use."""
    match priority:
        case Priority.CALLER:
            return 1.0
        case Priority.REFRESH:
            return shares.refresh
        case _:
            return shares.bulk


class Budgets:
    """Lets calls go while there is money for them.

    *spent* tells what a scope has spent today, in billionths of a dollar; *today* names the day.
    """

    def __init__(
        self,
        spec: BudgetsSpec,
        *,
        spent: Callable[[str], int],
        today: Callable[[], str],
        events: Events,
    ) -> None:
        self._shares = spec.background_share
        self.limits: Mapping[str, int] = _limits(spec)
        """What may be spent in a day, by scope, in billionths of a dollar."""
        self._spent = spent
        self._today = today
        self._events = events
        self._day = ""
        self._held: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()
        self._told: set[tuple[str, Priority]] = set()

    @contextmanager
    def hold(
        self, tenant: str, source: str, priority: Priority, estimate: Callable[[], int]
    ) -> Iterator[Hold]:
        """Hold what the call within is *estimate*d to cost; raise `SummaryError` ``budget``.

        What is marked as unknown when the call has ended is held until the day ends.
        """
        scopes = [scope for scope in scopes_of(tenant, source) if scope in self.limits]
        if not scopes:
            yield Hold(0)
            return
        held = Hold(estimate())
        self._admit(scopes, priority, held.estimate)
        day = self._day
        for scope in scopes:
            self._held[scope] += held.estimate
        try:
            yield held
        finally:
            for scope in scopes:
                self._held[scope] -= held.estimate
                if held.unknown and day == self._day:
                    self._unknown[scope] += held.estimate

    def used(self, scope: str) -> int:
        """Return what *scope* has spent today and holds now, in billionths of a dollar."""
        return self._spent(scope) + self._held[scope] + self._unknown[scope]

    def _admit(self, scopes: Sequence[str], priority: Priority, estimate: int) -> None:
        self._turn_day()
        budgets = [Budget(scope, self.limits[scope]) for scope in scopes]
        scope = refusing(budgets, self.used, share_of(self._shares, priority), estimate)
        if scope is None:
            return
        if (scope, priority) not in self._told:
            self._told.add((scope, priority))
            self._events.emit(BudgetExhausted(scope, priority.name.lower()))
        raise SummaryError("budget", f"The budget of {scope} has no room for another summary")

    def _turn_day(self) -> None:
        today = self._today()
        if today != self._day:
            self._day = today
            self._unknown.clear()
            self._told.clear()


class Reserved:
    """Holds what calls are estimated to cost until all are released, however soon each ends."""

    def __init__(self, budgets: Holds) -> None:
        self._budgets = budgets
        self._held = ExitStack()

    @contextmanager
    def hold(
        self, tenant: str, source: str, priority: Priority, estimate: Callable[[], int]
    ) -> Iterator[Hold]:
        """Hold it beyond the call within; raise `SummaryError` ``budget``."""
        yield self._held.enter_context(self._budgets.hold(tenant, source, priority, estimate))

    def release(self) -> None:
        """Hold nothing any more."""
        self._held.close()


def _limits(spec: BudgetsSpec) -> dict[str, int]:
    dollars = {f"source:{name}": limit for name, limit in spec.sources.items()}
    dollars |= {f"tenant:{name}": limit for name, limit in spec.tenants.items()}
    if spec.day is not None:
        dollars[WHOLE_DAY] = spec.day
    return {scope: round(limit * NANOS) for scope, limit in dollars.items()}
