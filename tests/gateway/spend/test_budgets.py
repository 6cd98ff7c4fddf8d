from __future__ import annotations

from collections import Counter

import pytest

from adapters.errors import SummaryError
from adapters.source import Priority
from gateway.events import BudgetExhausted, Event, Events
from gateway.spend.budgets import (
    Budget,
    Budgets,
    BudgetsSpec,
    SharesSpec,
    refusing,
    scopes_of,
    share_of,
)
from gateway.spend.prices import NANOS

CENT = NANOS // 100


class Wallet:
    """Budgets over a spent sum and a day that a test sets."""

    def __init__(self, spec: BudgetsSpec) -> None:
        self.spent: Counter[str] = Counter()
        self.day = "2026-11-23"
        self.seen: list[Event] = []
        self.budgets = Budgets(
            spec,
            spent=self.spent.__getitem__,
            today=lambda: self.day,
            events=Events(self.seen.append),
        )

    def admits(
        self, priority: Priority, estimate: int = 0, tenant: str = "app", source: str = "s"
    ) -> bool:
        try:
            with self.budgets.hold(tenant, source, priority, lambda: estimate):
                return True
        except SummaryError as error:
            return error.reason != "budget"


@pytest.mark.parametrize(
    ("used", "estimate", "share", "refused"),
    [(0, 10, 1.0, None), (0, 11, 1.0, "day"), (5, 5, 1.0, None), (5, 1, 0.5, "day")],
)
def test_a_call_goes_while_its_estimate_finds_room(
    used: int, estimate: int, share: float, refused: str | None
) -> None:
    assert refusing([Budget("day", 10)], lambda _: used, share, estimate) == refused


def test_the_first_scope_without_room_refuses() -> None:
    budgets = [Budget("day", 100), Budget("source:s", 5), Budget("tenant:app", 1)]
    assert refusing(budgets, lambda _: 3, 1.0, 2) == "tenant:app"
    assert refusing(budgets, lambda _: 3, 1.0, 3) == "source:s"


def test_bulk_stops_first_then_refreshes_then_callers() -> None:
    shares = SharesSpec(bulk=0.5, refresh=0.8)
    order = [share_of(shares, priority) for priority in Priority]
    assert order == [1.0, 0.8, 0.5, 0.5]
    wallet = Wallet(BudgetsSpec(day=0.01, background_share=shares))
    told = []
    for spent in (0.4, 0.6, 0.9, 1.0):
        wallet.spent["day"] = round(spent * CENT)
        told.append([wallet.admits(priority, 1) for priority in Priority])
    assert told == [
        [True, True, True, True],
        [True, True, False, False],
        [True, False, False, False],
        [False, False, False, False],
    ]


def test_sources_and_tenants_have_budgets_of_their_own() -> None:
    wallet = Wallet(BudgetsSpec(sources={"s": 0.01}, tenants={"web": 0.01}))
    wallet.spent.update({"source:s": CENT, "tenant:web": CENT})
    assert not wallet.admits(Priority.CALLER, 1)
    assert wallet.admits(Priority.CALLER, 1, source="t")
    assert not wallet.admits(Priority.CALLER, 1, source="t", tenant="web")
    assert scopes_of("app", "s") == ("day", "source:s", "tenant:app")


def test_fifty_calls_at_once_do_not_each_find_the_same_dollar() -> None:
    wallet = Wallet(BudgetsSpec(day=0.01))
    holds = []
    for _ in range(50):
        hold = wallet.budgets.hold("app", "s", Priority.CALLER, lambda: CENT // 10)
        try:
            hold.__enter__()
        except SummaryError:
            continue
        holds.append(hold)
    assert len(holds) == 10
    for hold in holds:
        hold.__exit__(None, None, None)
    assert wallet.budgets.used("day") == 0


def test_what_a_call_of_unknown_price_was_estimated_at_is_held_until_the_day_ends() -> None:
    wallet = Wallet(BudgetsSpec(day=0.01))
    with wallet.budgets.hold("app", "s", Priority.CALLER, lambda: CENT) as held:
        held.unknown = True
    assert wallet.budgets.used("day") == CENT
    assert not wallet.admits(Priority.CALLER, 1)
    wallet.day = "2026-11-24"
    assert wallet.admits(Priority.CALLER, 1)


def test_a_budget_that_is_exhausted_is_told_once_a_day_for_each_priority() -> None:
    wallet = Wallet(BudgetsSpec(day=0))
    for _ in range(3):
        wallet.admits(Priority.BULK, 1)
        wallet.admits(Priority.CALLER, 1)
    assert wallet.seen == [BudgetExhausted("day", "bulk"), BudgetExhausted("day", "caller")]
    wallet.day = "2026-11-24"
    wallet.admits(Priority.BULK, 1)
    assert wallet.seen[2:] == [BudgetExhausted("day", "bulk")]


def test_where_there_is_no_budget_nothing_is_estimated() -> None:
    wallet = Wallet(BudgetsSpec(sources={"other": 1}))
    assert BudgetsSpec().bounded is False
    with wallet.budgets.hold("app", "s", Priority.BULK, lambda: 1 // 0):
        pass


def test_what_nobody_knows_the_price_of_does_not_count_for_another_day() -> None:
    wallet = Wallet(BudgetsSpec(day=1))
    with wallet.budgets.hold("app", "s", Priority.CALLER, lambda: CENT) as held:
        held.unknown = True
        wallet.day = "2026-11-24"
        assert wallet.admits(Priority.CALLER)
    assert wallet.budgets.used("day") == 0
