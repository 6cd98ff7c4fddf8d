"""How like two questions are, and whether they ask the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.likeness import claims, likeness

TEXTS = st.text("가나다라 abc123", min_size=1, max_size=20)


@given(TEXTS, TEXTS)
def test_likeness_is_a_share_that_is_the_same_both_ways(one: str, other: str) -> None:
    assert 0 <= likeness(one, other) <= 1
    assert likeness(one, other) == likeness(other, one)
    assert likeness(one, one) in (0.0, 1.0)


@pytest.mark.parametrize(
    ("one", "other", "least"),
    [
        ("타이레놀 부작용", "부작용 타이레놀", 1.0),
        ("타이레놀 부작용", "타이레놀의 부작용", 0.8),
        ("ibuprofen side effects", "ibuprofen side effect", 0.9),
        ("타이레놀 복용법", "타이래놀 복용법", 0.8),
    ],
)
def test_nearly_the_same_question_is_alike(one: str, other: str, least: float) -> None:
    assert likeness(one, other) >= least
    assert claims(one) == claims(other)


@pytest.mark.parametrize(("one", "other"), [("타이레놀", "게보린"), ("advil", "motrin"), ("", "a")])
def test_another_name_is_not_alike(one: str, other: str) -> None:
    assert likeness(one, other) < 0.3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("타이레놀 500mg 복용", "타이레놀 650mg 복용"),
        ("타이레놀 500mg 복용", "타이레놀 복용"),
        ("ibuprofen 200 mg", "ibuprofen 200 ml"),
        ("아스피린 임신 중 복용", "아스피린 수유 중 복용"),
        ("먹어도 되나요", "먹으면 안 되나요"),
        ("타이레놀 식전 복용", "타이레놀 식후 복용"),
        ("safe with alcohol", "not safe with alcohol"),
        ("raise blood pressure increased", "raise blood pressure decreased"),
        ("성인 용량", "소아 용량"),
        ("2세 미만", "2세 이상"),
    ],
)
def test_what_changes_the_question_is_no_likeness(one: str, other: str) -> None:
    assert claims(one) != claims(other)
