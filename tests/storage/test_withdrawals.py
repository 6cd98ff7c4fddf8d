from __future__ import annotations

import pytest

from storage.entry import Entry
from storage.withdrawals import (
    KEPT,
    Kind,
    Scope,
    Withdrawal,
    Withdrawals,
    holdings,
    ids_of,
    tenant_of,
)
from tests.clocks import ManualClock
from tests.storage.entries import make_entry

HELD = holdings("타이레놀", [("1", "타이레놀정 500mg"), ("a.b", "x\ty\nz")])


def entry(position: int = 0, **changes: object) -> Entry:
    return make_entry(
        "v1:public:medicine:1",
        position=position,
        holds=HELD,
        tags=("t",),
        **changes,  # type: ignore[arg-type]
    )


def after(*scopes: Scope) -> Withdrawals:
    withdrawals = Withdrawals()
    withdrawals.apply(Withdrawal(position, scope) for position, scope in enumerate(scopes, 1))
    return withdrawals


def scope(kind: Kind, value: str = "", source: str = "", tenant: str = "public") -> Scope:
    return Scope(kind, tenant, source, value)


@pytest.mark.parametrize(
    ("withdrawn", "covered"),
    [
        (scope("key", "v1:public:medicine:1"), True),
        (scope("key", "v1:public:medicine:2"), False),
        (scope("source", source="medicine"), True),
        (scope("source", source="medicine", tenant="other"), False),
        (scope("source", source="other"), False),
        (scope("pattern", "타이*", "medicine"), True),
        (scope("pattern", "*500mg", "medicine"), True),
        (scope("pattern", "x y ?", "medicine"), True),
        (scope("pattern", "이레*", "medicine"), False),
        (scope("pattern", "1", "medicine"), False),
        (scope("pattern", "타이*", "other"), False),
        (scope("tag", "t"), True),
        (scope("tag", "u"), False),
        (scope("item", "a.b", "medicine"), True),
        (scope("item", "axb", "medicine"), False),
        (scope("item", "", "medicine"), False),
        (scope("all"), True),
        (scope("all", tenant="other"), False),
    ],
)
def test_an_entry_is_covered_by_what_names_it_and_by_nothing_else(
    withdrawn: Scope, covered: bool
) -> None:
    assert after(withdrawn).covers(entry()) is covered
    assert not after(withdrawn).covers(entry(position=1))
    between = after(scope("tag", "u"), withdrawn, scope("tag", "v"))
    assert between.covers(entry(position=1)) is covered
    assert not between.covers(entry(position=2))  # it was fetched after that


@pytest.mark.parametrize("kind", ["item", "pattern"])
def test_of_several_withdrawals_of_a_source_those_count_that_came_after_the_fetch(
    kind: Kind,
) -> None:
    ours = scope(kind, "a.b" if kind == "item" else "타이*", "medicine")
    other = scope(kind, "z", "medicine")
    assert not after(ours, other).covers(entry(position=1))
    assert after(ours, other, ours).covers(entry(position=2))
    assert after(ours, other).covers(entry())


def test_what_another_tenant_withdraws_of_a_source_is_theirs() -> None:
    theirs = scope("item", "a.b", "medicine", tenant="other")
    assert not after(theirs, scope("item", "z", "medicine")).covers(entry())


def test_the_last_of_several_alike_counts() -> None:
    again = after(scope("all"), scope("tag", "u"), scope("all"))
    assert again.covers(entry(position=2))
    assert not again.covers(entry(position=3))


def test_of_what_is_forgotten_nothing_is_known() -> None:
    many = after(*(scope("tag", str(number)) for number in range(KEPT + 5)))
    assert many.floor == 5
    assert many.covers(entry(position=4))
    assert not many.covers(entry(position=5))
    many.forget(99_999)
    assert many.covers(entry(position=99_998))
    assert not many.covers(entry(position=99_999))


def test_a_line_that_comes_twice_or_late_changes_nothing() -> None:
    withdrawals = after(scope("tag", "u"), scope("tag", "v"))
    withdrawals.apply([Withdrawal(1, scope("all"))])
    assert withdrawals.position == 2
    assert not withdrawals.covers(entry())


def test_it_vouches_for_copies_until_its_lease_is_over() -> None:
    clock = ManualClock()
    withdrawals = Withdrawals(clock=clock)
    assert withdrawals.current
    withdrawals.until = clock() + 5
    clock.advance(4.9)
    assert withdrawals.current
    clock.advance(0.1)
    assert not withdrawals.current


def test_what_an_entry_holds_is_told_by_lines() -> None:
    assert ids_of(HELD) == ["1", "a.b"]
    assert ids_of("") == ids_of(holdings("q", [])) == []
    assert tenant_of("v1:a:b:medicine:1") == "a:b"
