from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.watches.changes import (
    MOST,
    Changes,
    FieldChange,
    RecordChange,
    RecordName,
    changes,
)

A = {"id": "1", "name": "a", "price": 100, "maker": "x"}
B = {"id": "2", "name": "b", "price": 200}
VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
RECORDS = st.lists(
    st.fixed_dictionaries(
        {"id": st.sampled_from("123"), "name": st.text(max_size=2)}, optional={"f": VALUES}
    ),
    max_size=5,
)


def test_what_came_went_and_differs_is_told_by_record_and_field() -> None:
    dearer = {**A, "price": 120, "maker": None, "form": "tablet"}
    assert changes([A, B], [{"id": "3", "name": "c"}, dearer]) == Changes(
        added=(RecordName("3", "c"),),
        removed=(RecordName("2", "b"),),
        changed=(
            RecordChange(
                "1",
                "a",
                {
                    "price": FieldChange(100, 120),
                    "maker": FieldChange("x", None),
                    "form": FieldChange(None, "tablet"),
                },
            ),
        ),
    )


def test_neither_the_order_nor_our_own_summaries_are_a_difference() -> None:
    assert not changes([A, B], [B, {**A, "summary": "new words"}])
    assert not changes([], [])


def test_records_that_share_an_id_are_compared_in_their_order() -> None:
    twice = [A, {**A, "price": 1}]
    assert not changes(twice, twice)
    assert changes(twice, [A]).removed == (RecordName("1", "a"),)


def test_of_a_flood_of_differences_some_are_told_and_the_rest_counted() -> None:
    found = changes([], [{"id": str(number), "name": ""} for number in range(MOST + 7)])
    assert (len(found.added), found.more) == (MOST, 7)


@given(RECORDS, RECORDS)
def test_what_comes_one_way_goes_the_other(
    before: list[dict[str, object]], after: list[dict[str, object]]
) -> None:
    there, back = changes(before, after), changes(after, before)
    assert sorted(each.id for each in there.added) == sorted(each.id for each in back.removed)
    assert len(there.changed) == len(back.changed)
    assert not changes(before, before)
