from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gateway.config.warmup import AheadSpec
from gateway.warming.worth import Case, decide

SPEC = AheadSpec(second_usd=0.001, least_chance=0.5)
CASES = st.builds(
    Case,
    rate=st.floats(0, 10),
    life=st.floats(0, 1e6),
    seconds=st.floats(0, 600),
    price=st.floats(0, 1),
)


def test_what_is_asked_daily_and_holds_a_day_is_renewed_where_a_miss_takes_long() -> None:
    daily = Case(rate=1 / 86_400, life=86_400, seconds=5.0, price=0.001)
    assert decide(daily, SPEC).renew
    assert not decide(replace(daily, seconds=0.1), SPEC).renew
    assert not decide(replace(daily, rate=daily.rate / 3), SPEC).renew
    assert not decide(replace(daily, price=0.1), SPEC).renew


def test_what_costs_nothing_is_renewed_where_it_will_rather_be_asked_than_not() -> None:
    free = Case(rate=1 / 86_400, life=86_400, seconds=1.0, price=0.0)
    assert decide(free, SPEC).renew
    assert not decide(replace(free, rate=0.5 / 86_400), SPEC).renew


@given(CASES)
def test_it_is_renewed_exactly_where_it_is_worth_more_than_its_price(case: Case) -> None:
    decision = decide(case, SPEC)
    assert 0 <= decision.chance <= 1
    likely = decision.chance >= SPEC.least_chance
    assert decision.renew == (likely and decision.gain > case.price)


@given(CASES)
def test_what_nobody_asks_is_never_renewed(case: Case) -> None:
    anything = AheadSpec(second_usd=1e9, least_chance=0)
    assert not decide(replace(case, rate=0.0), anything).renew
    assert not decide(replace(case, life=0.0), anything).renew


@given(CASES, st.floats(1, 100))
def test_what_is_asked_more_or_takes_longer_or_costs_less_is_renewed_all_the_more(
    case: Case, times: float
) -> None:
    if decide(case, SPEC).renew:
        assert decide(replace(case, rate=case.rate * times), SPEC).renew
        assert decide(replace(case, life=case.life * times), SPEC).renew
        assert decide(replace(case, seconds=case.seconds * times), SPEC).renew
    else:
        dearer = replace(case, price=case.price * times)
        assert not decide(dearer, SPEC).renew
