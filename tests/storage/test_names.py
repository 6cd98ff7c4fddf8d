import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.names import (
    Part,
    exchanges,
    fits,
    fold,
    has_initials,
    initials,
    is_hangul,
    jamo,
    ngrams,
)


def test_case_spacing_punctuation_width_and_accents_do_not_count() -> None:
    assert fold("  Tylenol-ER (650 mg)") == fold("TYLENOL er６５０ＭＧ") == "tylenoler650mg"
    assert fold("Café") == fold("cafe")


def test_composed_and_decomposed_hangul_fold_alike() -> None:
    assert fold(unicodedata.normalize("NFD", "타이레놀정")) == "타이레놀정"


def test_lone_consonants_of_every_alphabet_fold_alike() -> None:
    assert (
        fold("ㅌㅇㄹㄴ")
        == fold("ᄐᄋᄅᄂ")
        == fold("\uffbc\uffb7\uffa9\uffa4")
        == initials("타이레놀")
    )


@given(st.text())
def test_folding_twice_is_folding_once(name: str) -> None:
    assert fold(fold(name)) == fold(name)


@given(st.text())
def test_only_letters_and_digits_are_left(name: str) -> None:
    assert all(character.isalnum() for character in fold(name))


def test_initials_replace_syllables_and_nothing_else() -> None:
    assert initials("까스활명수q75") == fold("ㄲㅅㅎㅁㅅ") + "q75"


def test_initials_are_known_from_syllables_and_letters() -> None:
    assert has_initials(fold("타이ㄹ"))
    assert not has_initials(fold("타이레놀 500"))
    assert is_hangul("타")
    assert is_hangul(fold("ㅌ"))
    assert not is_hangul("t")


def test_an_initial_stands_for_its_syllables_only() -> None:
    assert fits(fold("ㅌ이ㄹ"), "타이레놀")
    assert not fits(fold("ㅌ이ㄴ"), "타이레놀")
    assert not fits(fold("타이레놀"), "타이")


def test_letters_come_in_the_order_of_typing() -> None:
    assert jamo("레놀") == fold("ㄹ") + "\u1166" + fold("ㄴ") + "\u1169" + fold("ㄹ")
    assert jamo("닭a") == fold("ㄷ") + "\u1161" + fold("ㄹ") + fold("ㄱ") + "a"


def test_neighbors_are_exchanged_at_every_place() -> None:
    assert exchanges("abc") == ["bac", "acb"]
    assert exchanges("a") == []


def test_ngrams_are_every_run() -> None:
    assert ngrams("abcd", 3) == ["abc", "bcd"]
    assert ngrams("ab", 3) == []


@pytest.mark.parametrize(
    ("typed", "name", "edits"),
    [
        ("타이레놀", "어린이타이레놀현탁액", 0),
        ("타이래놀", "타이레놀정", 1),
        ("타이렌올", "타이레놀정", 1),
        ("타이놀", "타이레놀정", 2),
        ("asprin", "bayeraspirin500", 1),
        ("ibuporfen", "ibuprofen", 2),
        ("", "타이레놀", 0),
        ("abc", "", 3),
    ],
)
def test_wrong_keys_are_counted(typed: str, name: str, edits: int) -> None:
    assert Part(jamo(typed)).distance(jamo(name)) == edits


def _distance(part: str, text: str) -> int:
    """Sellers' table: the same in plain steps."""
    row = list(range(len(part) + 1))
    fewest = row[-1]
    for letter in text:
        above = row
        row = [0]
        for index, other in enumerate(part):
            row.append(min(above[index] + (letter != other), above[index + 1] + 1, row[-1] + 1))
        fewest = min(fewest, row[-1])
    return fewest


_letters = st.text(alphabet="abcㅏ", max_size=20)


@given(_letters, _letters)
def test_the_distance_is_that_of_the_plain_table(part: str, text: str) -> None:
    assert Part(part).distance(text) == _distance(part, text)
