from __future__ import annotations

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
)
from storage.entry import Entry, Part

POLICY = FreshnessSpec(
    ttl=Duration(100),
    negative_ttl=Duration(10),
    stale_while_revalidate=Duration(50),
    stale_if_error=Duration(200),
    jitter=0.0,
)


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
