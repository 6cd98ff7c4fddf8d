from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sources.units import Duration
from gateway.freshness import (
    SUMMARY_RETRY,
    FreshnessSpec,
    Verdict,
    capped,
    judge_records,
    judge_summary,
    keep_until,
    records_ttl,
    renews_early,
)
from storage.entry import Entry, Part
from tests.gateway.world import POLICY


def entry(*, at: float = 0.0, empty: bool = False, summary: Part | None = None) -> Entry:
    return Entry("v1:public:s:0", "s", b"", Part(b"", at), summary, empty, 0.0)


@pytest.mark.parametrize(
    ("age", "verdict"),
    [
        (0, Verdict.FRESH),
        (99.9, Verdict.FRESH),
        (100, Verdict.STALE),
        (149.9, Verdict.STALE),
        (150, Verdict.EXPIRED),
        (299.9, Verdict.EXPIRED),
        (300, Verdict.MISSING),
    ],
)
def test_records_are_fresh_then_stale_then_a_stand_in_then_gone(
    age: float, verdict: Verdict
) -> None:
    assert judge_records(entry(), POLICY, age) is verdict


def test_no_match_is_believed_for_a_shorter_while() -> None:
    assert judge_records(entry(empty=True), POLICY, 11) is Verdict.STALE
    assert judge_records(entry(), POLICY, 11) is Verdict.FRESH


def test_nothing_is_missing() -> None:
    assert judge_records(None, POLICY, 0) is Verdict.MISSING
    assert judge_summary(None, 0) is Verdict.MISSING
    assert judge_summary(entry(), 0) is Verdict.MISSING


def test_an_empty_answer_has_no_summary_to_wait_for() -> None:
    assert judge_summary(entry(empty=True), 0) is Verdict.FRESH


def test_a_summary_holds_as_long_as_its_records() -> None:
    assert judge_summary(entry(summary=Part(b"{}", 0)), 1e9) is Verdict.FRESH


def test_a_summary_that_failed_is_tried_again_after_a_while() -> None:
    failed = entry(summary=Part(b"null", 0, retry=SUMMARY_RETRY))
    assert judge_summary(failed, SUMMARY_RETRY - 1) is Verdict.FRESH
    assert judge_summary(failed, SUMMARY_RETRY) is Verdict.STALE


@given(st.text(), st.floats(0, 1))
def test_jitter_takes_off_at_most_its_share_and_never_adds(key: str, jitter: float) -> None:
    policy = FreshnessSpec(ttl=Duration(100), jitter=jitter)
    one = Entry(key, "s", b"", Part(b"", 0), None, False, 0.0)
    try:
        ttl = records_ttl(one, policy)
    except UnicodeEncodeError:
        return
    assert 100 * (1 - jitter) <= ttl <= 100


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e6))
def test_no_entry_is_kept_past_its_use_and_none_is_dropped_before(
    ttl: float, swr: float, sie: float
) -> None:
    policy = FreshnessSpec(
        ttl=Duration(ttl),
        stale_while_revalidate=Duration(swr),
        stale_if_error=Duration(sie),
    )
    end = keep_until(entry(), policy)
    assert judge_records(entry(), policy, end + 0.01) is Verdict.MISSING
    if end > 0.01:
        assert judge_records(entry(), policy, end * 0.999 - 0.001) is not Verdict.MISSING


def test_terms_bound_how_long_anything_lives() -> None:
    short = capped(POLICY, 120)
    assert [short.ttl, short.stale_while_revalidate, short.stale_if_error] == [100.0, 20.0, 20.0]
    assert keep_until(entry(), capped(POLICY, 30)) == 30
    assert capped(POLICY, None) is POLICY


TTLS = st.floats(0.1, 1e6)
SHARES = st.floats(0, 1)
DRAWS = st.floats(0, 1, exclude_max=True)


def policy_of(ttl: float, swr: float, sie: float, jitter: float = 0.0) -> FreshnessSpec:
    return FreshnessSpec(
        ttl=Duration(ttl),
        stale_while_revalidate=Duration(swr),
        stale_if_error=Duration(sie),
        jitter=jitter,
    )


@given(TTLS, st.floats(0, 1e6), st.floats(0, 1e6), SHARES, st.floats(0, 3e6), st.floats(0, 3e6))
def test_nothing_gets_better_with_age(
    ttl: float, swr: float, sie: float, jitter: float, age: float, more: float
) -> None:
    policy = policy_of(ttl, swr, sie, jitter)
    assert judge_records(entry(), policy, age) <= judge_records(entry(), policy, age + more)


@given(TTLS, st.floats(0, 1e6), st.floats(0, 1e6), SHARES, st.floats(0, 3e6))
def test_what_is_called_fresh_is_younger_than_its_time_to_live(
    ttl: float, swr: float, sie: float, jitter: float, age: float
) -> None:
    verdict = judge_records(entry(), policy_of(ttl, swr, sie, jitter), age)
    assert verdict is not Verdict.FRESH or age < ttl
    assert verdict is not Verdict.STALE or age <= ttl + swr
    assert verdict is Verdict.MISSING or age <= ttl + max(swr, sie)


@given(TTLS, TTLS, st.booleans(), st.floats(0, 1e6))
def test_no_match_has_its_own_time_to_live(
    ttl: float, negative: float, empty: bool, age: float
) -> None:
    policy = FreshnessSpec(ttl=Duration(ttl), negative_ttl=Duration(negative), jitter=0.0)
    fresh = judge_records(entry(empty=empty), policy, age) is Verdict.FRESH
    assert fresh is (age < (negative if empty else ttl))


def costly(cost: float) -> Entry:
    return Entry("k", "s", b"", Part(b"", 0.0, cost), None, False, 0.0)


@given(st.floats(0, 1e4), st.floats(0, 10), st.floats(0, 300), DRAWS, st.floats(0, 100))
def test_early_renewals_are_likelier_the_later_and_the_dearer(
    cost: float, beta: float, age: float, draw: float, more: float
) -> None:
    policy = FreshnessSpec(ttl=Duration(100), jitter=0.0, early=beta)
    if not renews_early(costly(cost), policy, age, draw):
        return
    assert 50 <= age < 100
    assert beta > 0
    assert renews_early(costly(cost + more), policy, age, draw)
    later = min(age + more, 99.999)
    assert later < age or renews_early(costly(cost), policy, later, draw)


@given(st.floats(0, 100), DRAWS)
def test_an_early_renewal_can_be_switched_off_and_is_never_of_what_costs_nothing(
    age: float, draw: float
) -> None:
    off = FreshnessSpec(ttl=Duration(100), jitter=0.0, early=0.0)
    on = FreshnessSpec(ttl=Duration(100), jitter=0.0)
    assert not renews_early(costly(60), off, age, draw)
    assert not renews_early(costly(0), on, age, draw)


def test_a_fetch_of_two_seconds_is_renewed_about_two_seconds_ahead() -> None:
    policy = FreshnessSpec(ttl=Duration(1000), jitter=0.0)
    draws = [number / 1000 for number in range(1000)]

    def share(age: float) -> float:
        return sum(renews_early(costly(2.0), policy, age, draw) for draw in draws) / len(draws)

    # P(-ln(u) * cost >= left) = exp(-left / cost)
    assert share(998) == pytest.approx(0.368, abs=0.01)
    assert share(994) == pytest.approx(0.050, abs=0.01)
    assert share(970) == 0


def test_what_takes_as_long_as_it_lives_is_not_fetched_in_the_first_half_of_its_life() -> None:
    policy = FreshnessSpec(ttl=Duration(10), jitter=0.0)
    assert not renews_early(costly(1000), policy, 4.9, 0.999)
    assert renews_early(costly(1000), policy, 5.1, 0.999)


def test_what_lacks_a_part_is_believed_no_longer_than_no_match() -> None:
    lacking = msgspec.structs.replace(entry(), partial=("sales",))
    assert records_ttl(lacking, POLICY) == 10
    assert judge_records(lacking, POLICY, 10) is Verdict.STALE
    brief = msgspec.structs.replace(POLICY, ttl=Duration(5))
    assert records_ttl(lacking, brief) == 5
