"""How near a name is to a text: by keys, and by how much of it a longer text holds."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from storage.name_matches import FAR, edits_between, held
from storage.names import Part, jamo

NAMES = st.text("가나다라마바abc", min_size=3, max_size=14)


@pytest.mark.parametrize(
    ("text", "name", "edits"),
    [
        ("타이레놀", "어린이타이레놀정", 0),
        ("타이래놀", "타이레놀정500", 1),
        ("타레이놀", "타이레놀", 1),
        ("타이놀", "타이레놀", 2),
        ("타이레레놀", "타이레놀", 2),
        ("liquigles", "advilliquigels", 1),
        ("advl", "advilliqui", 1),
        ("타이래놀", "게보린", FAR),
        ("타이", "게보린", FAR),
    ],
)
def test_edits_are_wrong_keys(text: str, name: str, edits: float) -> None:
    assert edits_between(text)(name) <= edits if edits < FAR else edits_between(text)(name) == FAR


@given(NAMES, NAMES)
def test_no_name_is_nearer_than_its_best_part(text: str, name: str) -> None:
    nearest = Part(jamo(text)).distance(jamo(name))
    assert edits_between(text)(name) >= min(nearest, 1)


@example("aababa", 2, "a", "")  # the second piece stands twice behind the first
@given(
    st.text("abcdef", min_size=3, max_size=14),
    st.integers(0, 13),
    st.sampled_from("abcdefg"),
    st.text("마바", max_size=4),
)
def test_one_wrong_character_is_seen_wherever_it_stands(
    name: str, place: int, wrong: str, around: str
) -> None:
    text = name[: place % len(name)] + wrong + name[place % len(name) + 1 :]
    assert edits_between(text, 1)(around + name + around) <= 1


@pytest.mark.parametrize(
    ("text", "name", "count"),
    [
        ("타이레놀정부작용", "타이레놀정500", 5),
        ("타이타이레놀", "타이레놀", 4),
        ("타이부작용", "타이레놀", 0),
        ("isadvilsafe", "advil", 5),
        ("advantage", "advil", 0),
        ("후시딘연고", "후시딘", 3),
        ("", "후시딘", 0),
        ("후시딘", "", 0),
    ],
)
def test_a_longer_text_holds_so_much_of_a_name(text: str, name: str, count: int) -> None:
    assert held(text)(name) == count
