from hypothesis import given
from hypothesis import strategies as st

from storage.name_terms import beginning, containing, document, resembling
from storage.names import fold

_texts = st.text(alphabet="가나다ab1", min_size=1, max_size=40)


def _terms(expression: str) -> set[str]:
    return set(expression.replace('"', "").split(" AND "))


@given(_texts, _texts, _texts)
def test_a_name_has_every_term_of_each_of_its_parts(before: str, part: str, after: str) -> None:
    terms = set(document("s", before + part + after).split())
    assert _terms(containing("s", part)) <= terms


@given(_texts, _texts)
def test_a_name_has_every_term_of_its_beginning(part: str, after: str) -> None:
    assert _terms(beginning("s", part)) <= set(document("s", part + after).split())


def test_another_beginning_lacks_a_term() -> None:
    assert not _terms(beginning("s", "이레")) <= set(document("s", "타이레놀").split())


def test_a_name_has_the_terms_of_its_initials() -> None:
    terms = set(document("s", "타이레놀").split())
    assert _terms(containing("s", fold("ㅇㄹㄴ"))) <= terms
    assert _terms(containing("s", fold("ㅇ레ㄴ"))) <= terms
    assert not _terms(containing("s", fold("ㅇㄴ"))) <= terms


def test_sources_do_not_share_terms() -> None:
    assert not set(document("medicine", "타").split()) & set(document("drug-label", "타").split())


@given(_texts.filter(lambda text: len(text) > 3), st.data())
def test_one_wrong_character_leaves_a_branch_whole(name: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(name) - 1))
    typed = name[:place] + "힣" + name[place + 1 :]
    terms = set(document("s", name).split())
    branches = resembling("s", typed, 1)[1:-1].split(") OR (")
    assert any(_terms(branch) <= terms for branch in branches)


def test_a_single_character_resembles_nothing() -> None:
    assert resembling("s", "타", 1) == ""
    assert resembling("s", "ab", 1) == ""


@given(st.text(alphabet="가나다ab1", min_size=9, max_size=200))
def test_an_expression_stays_small(text: str) -> None:
    assert containing("s", text).count('"') <= 2 * 8
    assert resembling("s", text, 1).count('"') <= 2 * 3 * 16
