from __future__ import annotations

from gateway.profiling.statements import MOST, TALLY, Statements, Tally, shortened
from storage.tier import TierError
from tests.clocks import ManualClock


class Plans:
    """Explains what it can, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def explain(self, statement: str) -> str:
        self.asked.append(statement)
        if statement == "COMMIT":
            raise TierError("no plan for that")
        return f"SCAN of {statement}"


async def test_what_is_slow_is_kept_with_its_plan_and_what_is_quick_is_not() -> None:
    clock = ManualClock()
    statements, plans = Statements(0.1, clock), Plans()
    statements.took("SELECT 1", 0.1)
    statements.took("SELECT key FROM entries WHERE key IN (?, ?, ?)", 0.2)
    clock.advance(60)
    statements.took("SELECT key FROM entries WHERE key IN (?, ?)", 0.4)
    statements.took("COMMIT", 0.3)
    slow, commit = await statements.explained(plans)
    assert (slow.text, slow.count) == ("SELECT key FROM entries WHERE key IN (?, …)", 2)
    assert (round(slow.total, 3), slow.slowest, slow.last) == (0.6, 0.4, clock())
    assert slow.plan == "SCAN of SELECT key FROM entries WHERE key IN (?, ?, ?)"
    assert (commit.text, commit.plan) == ("COMMIT", "")
    await statements.explained(plans)
    assert len(plans.asked) == 2


def test_only_so_many_are_kept_and_those_are_the_slowest() -> None:
    statements = Statements(0.0)
    for number in range(MOST * 2):
        statements.took(f"SELECT {number} FROM a", 1.0 + number)
    statements.took("SELECT 0 FROM b", 0.5)
    slow = statements.slow()
    assert [each.slowest for each in slow] == [2.0 * MOST - n for n in range(MOST)]


def test_operations_are_few_whatever_is_done() -> None:
    statements = Statements(1.0)
    for text in ("SELECT 1", " select 2", "INSERT INTO a", "COMMIT", "PRAGMA x", "VACUUM", "%"):
        statements.took(text, 0.01)
    counted = {labels[0]: sum(each.counts) for labels, each in statements.statements}
    assert counted == {"select": 2, "insert": 1, "commit": 1, "pragma": 1, "other": 2}


def test_lists_of_values_are_shortened() -> None:
    rows = "INSERT INTO a (b, c)\n  VALUES (?, ?), (?, ?), (?, ?)"
    assert shortened(rows) == "INSERT INTO a (b, c) VALUES (?, …), …"


def test_questions_are_counted_for_the_request_that_asks() -> None:
    statements, tally = Statements(1.0), Tally()
    statements.asked()
    token = TALLY.set(tally)
    statements.asked()
    statements.asked()
    TALLY.reset(token)
    assert tally.count == 2
