"""What a call counts for, worked out from what is asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.source import Query
from adapters.sources.costs import MOST, Cost
from adapters.sources.spec import SpecError

PARAMS = ("days", "variables")


def weigh(text: int | str, **params: str) -> int:
    return Cost(text, PARAMS).of(Query("a", params))


@pytest.mark.parametrize(
    ("cost", "params", "weight"),
    [
        (3, {}, 3),
        ("3", {}, 3),
        ("ceil(days / 7) * count(variables)", {"days": "16", "variables": "a,b c"}, 9),
        ("ceil(days / 7) * count(variables)", {}, 1),
        ("max(1, days * 0.5 - 2)", {"days": "9"}, 3),
        ("min(days, 4) + floor(days / 4)", {"days": "9"}, 6),
        ("1 / days", {"days": "0"}, 1),
        ("days", {"days": "-5"}, 1),
        ("days", {"days": "1e300"}, MOST),
        ("days * 1e308 * 10", {"days": "1e300"}, 1),
        ("days", {"days": "nan"}, 1),
        ("days", {"days": "many"}, 1),
        ("count(q)", {}, 1),
    ],
)
def test_a_call_weighs_what_its_question_makes_of_it(
    cost: int | str, params: dict[str, str], weight: int
) -> None:
    assert weigh(cost, **params) == weight


@pytest.mark.parametrize(
    "text",
    [
        *("", "1 +", "True", "'1'", "days ** 2", "days // 2", "__import__('os')", "days.real"),
        *("ceil()", "ceil(1, 2)", "max(1)", "count(1)", "count(days, days)", "[1]", "lambda: 1"),
        *("ceil(x=1)", "1 if days else 2", "-days", "1" * 300, "\0"),
    ],
)
def test_what_is_no_arithmetic_is_an_error_of_the_configuration(text: str) -> None:
    with pytest.raises(SpecError, match=r"limits\.cost.*is no cost"):
        Cost(text, PARAMS)


@pytest.mark.parametrize("text", ["weeks * 2", "count(weeks)", "max(1, weeks)"])
def test_a_parameter_that_is_not_declared_is_named(text: str) -> None:
    with pytest.raises(SpecError, match="'weeks' is no parameter"):
        Cost(text, PARAMS)


@given(days=st.text(max_size=20), variables=st.text(max_size=20))
def test_whatever_is_asked_a_call_counts_for_something(days: str, variables: str) -> None:
    assert 1 <= weigh("days / count(variables)", days=days, variables=variables) <= MOST
