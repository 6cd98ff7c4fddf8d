from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.source import Attribution, Payload, Query
from adapters.sources.spec import ParamSpec
from gateway.lookup import MAX_QUERY, Lookup, canonical, make_lookup, normalize
from gateway.parameters import BadLookupError
from gateway.quality import QualityGate, QualitySpec
from gateway.route import Route


class Silent:
    async def fetch(self, query: Query) -> Payload:
        return Payload((), 0, Attribution(""), 0.0)


def route(**params: ParamSpec) -> Route:
    return Route(
        name="medicine",
        source=Silent(),
        gate=QualityGate(QualitySpec()),
        attribution=Attribution("who"),
        params=params,
        language="ko",
    )


@pytest.mark.parametrize(
    ("asked", "normal"),
    [
        ("  TYLENOL\t ER ", "tylenol er"),
        ("ＴＹＬＥＮＯＬ", "tylenol"),
        (unicodedata.normalize("NFD", "타이레놀"), "타이레놀"),
        ("500㎎", "500mg"),
        ("타이\u200b레놀", "타이레놀"),
        ("m²", "m²"),
        ("½정", "½정"),
    ],
)
def test_spellings_of_one_query_become_one(asked: str, normal: str) -> None:
    assert normalize(asked) == normal


@given(st.text(max_size=60))
def test_normalizing_twice_changes_nothing(text: str) -> None:
    try:
        once = normalize(text)
    except BadLookupError:
        return
    assert normalize(once) == once


def test_a_query_that_is_too_long_or_no_text_names_its_parameter() -> None:
    with pytest.raises(BadLookupError, match="at most 200 characters, not 201") as caught:
        normalize("가" * (MAX_QUERY + 1))
    assert caught.value.parameter == "q"
    with pytest.raises(BadLookupError, match=r"U\+0000"):
        normalize("a\0b")
    with pytest.raises(BadLookupError):
        normalize("\ud800")


def test_the_key_is_readable_in_front_and_a_digest_behind() -> None:
    version, tenant, source, digest = Lookup("medicine", "타이레놀", tenant="acme").key.split(":")
    assert (version, tenant, source) == ("v1", "acme", "medicine")
    assert len(digest) == 64


def test_everything_that_can_change_the_answer_changes_the_key() -> None:
    lookups = [
        Lookup("medicine", "a"),
        Lookup("label", "a"),
        Lookup("medicine", "b"),
        Lookup("medicine", "a", {"dong": "1"}),
        Lookup("medicine", "a", {"dong": "2"}),
        Lookup("medicine", "a", {"gu": "1"}),
        Lookup("medicine", "a", keyword="pregnancy"),
        Lookup("medicine", "a", language="en"),
        Lookup("medicine", "a", tenant="acme"),
        Lookup("medicine", "a", context=(("age", "child"),)),
        Lookup("medicine", "a", context=(("age", "adult"),)),
        Lookup("medicine", "a", history=("age", "child")),
        Lookup("medicine", "a", {"age": "child"}),
    ]
    assert len({lookup.key for lookup in lookups}) == len(lookups)


def test_the_order_of_parameters_does_not_change_the_key() -> None:
    one, two = {"a": "1", "b": "2"}, {"b": "2", "a": "1"}
    assert Lookup("s", "", one).key == Lookup("s", "", two).key


@given(st.lists(st.text()), st.lists(st.text()))
def test_two_lists_never_share_an_encoding(one: list[str], two: list[str]) -> None:
    def encoded(texts: list[str]) -> bytes | None:
        try:
            return canonical(texts)
        except UnicodeEncodeError:
            return None

    if one != two and encoded(one) is not None:
        assert encoded(one) != encoded(two)


def test_a_lookup_needs_a_query_unless_its_source_needs_something_else() -> None:
    with pytest.raises(BadLookupError, match="say what to look for"):
        make_lookup(route(), "  ")


def test_language_is_the_primary_tag_and_the_sources_own_by_default() -> None:
    assert make_lookup(route(), "a").language == "ko"
    assert make_lookup(route(), "a", language="EN-us").language == "en"
    with pytest.raises(BadLookupError) as caught:
        make_lookup(route(), "a", language="nowhere!")
    assert caught.value.parameter == "lang"


def test_case_is_kept_for_an_upstream_that_minds_it() -> None:
    folding, minding = route(), replace(route(), fold_case=False)
    assert make_lookup(folding, "DNA").text == make_lookup(folding, "dna").text == "dna"
    assert make_lookup(minding, " DNA ").text == "DNA"
    assert make_lookup(minding, "DNA").key != make_lookup(minding, "dna").key
