"""Several upstreams as one: side by side, one after the other, merged, and in part."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from aiohttp import web

from adapters.errors import Kind, UpstreamError
from adapters.http import open_session
from adapters.source import Attribution, Payload, Priority, Query
from adapters.sources.composite import CompositeSource
from adapters.sources.composition import CompositeSpec
from adapters.sources.declarative import DeclarativeSource
from adapters.sources.spec import ParamSpec, SpecError, TermsSpec
from adapters.sources.units import Duration, dec_hook
from tests.recordings import NOW, read, serving

Answers = Mapping[str, object]
"""By path: a body, or a status that is an error."""

REPORT = read("""
parts:
  area:
    request: {url: "$BASE/areas", params: {code: "{q}"}}
    response: {id: code, fields: {name: name, district: district}}
  sales:
    request: {url: "$BASE/sales/{q}"}
    response: {id: industry, fields: {won: {path: won, cast: int}}}
    under: sales
  people:
    request: {url: "$BASE/people/{district}"}
    response: {fields: {total: {path: total, cast: int}}}
    needs: {district: area.district}
    under: population
    one: true
  stores:
    request: {url: "$BASE/stores/{district}"}
    response: {records: rows, total: total}
    needs: {district: area.district}
    under: stores
    count: store_count
fields:
  sales_won: {path: "sum(sales[].won)", cast: int}
""")
GOOD: Answers = {
    "/areas": {"code": "31", "name": "성수", "district": "1120"},
    "/sales/31": [{"industry": "한식", "won": 5}, {"industry": "카페", "won": 7}],
    "/people/1120": {"id": "1120", "total": 3000},
    "/stores/1120": {"total": 90, "rows": [{"id": "S1"}]},
}


class Stub:
    """Answers by path; remembers what was asked and how many asked at once."""

    def __init__(self, answers: Answers) -> None:
        self.answers = dict(answers)
        self.asked: list[str] = []
        self.at_once = 0
        self._running = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        self._running += 1
        self.at_once = max(self.at_once, self._running)
        await asyncio.sleep(0.01)
        self._running -= 1
        answer = self.answers[request.path]
        if answer == "silence":
            await asyncio.sleep(30)
        if isinstance(answer, int):
            return web.Response(status=answer)
        return web.json_response(answer)


@asynccontextmanager
async def composite(
    config: Mapping[str, Any], answers: Answers, seconds: float = 5
) -> AsyncIterator[tuple[CompositeSource, Stub]]:
    stub = Stub(answers)
    async with serving(stub.handle) as base, open_session(allow_private=True) as session:
        filled = json.loads(json.dumps(config).replace("$BASE", base))
        spec = msgspec.convert(filled, CompositeSpec, dec_hook=dec_hook)
        parts = {
            name: DeclarativeSource(
                name,
                part.request,
                part.response,
                part.terms,
                session,
                lambda: NOW,
                dict.fromkeys(part.needs, ParamSpec()),
            )
            for name, part in spec.parts.items()
        }
        credit = Attribution("all of them")
        yield CompositeSource(spec, parts, credit, lambda: NOW, seconds=seconds), stub


async def fetched(config: Mapping[str, Any], answers: Answers, seconds: float = 5) -> Payload:
    async with composite(config, answers, seconds) as (source, _):
        return await source.fetch(Query("31"))


async def failed(config: Mapping[str, Any], answers: Answers) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        await fetched(config, answers)
    return caught.value


async def test_parts_are_asked_side_by_side_or_after_what_they_need_and_become_one_record() -> None:
    async with composite(REPORT, GOOD) as (source, stub):
        payload = await source.fetch(Query("31"))
    (record,) = payload.records
    assert record == {
        "id": "31",
        "name": "성수",
        "district": "1120",
        "sales": [
            {"id": "한식", "name": "한식", "won": 5},
            {"id": "카페", "name": "카페", "won": 7},
        ],
        "population": {"id": "1120", "name": "1120", "total": 3000},
        "stores": [{"id": "S1", "name": "S1"}],
        "store_count": 90,
        "sales_won": 12,
    }
    assert (payload.total, payload.partial, payload.at) == (1, (), NOW)
    assert payload.attribution.text == "all of them"
    assert set(stub.asked[:2]) == {"/areas", "/sales/31"}
    assert stub.at_once == 2


async def test_a_part_that_fails_is_named_and_stands_as_null_which_is_not_none_found() -> None:
    payload = await fetched(REPORT, {**GOOD, "/sales/31": 503, "/stores/1120": {"rows": []}})
    (record,) = payload.records
    assert payload.partial == ("sales",)
    assert (record["sales"], record["sales_won"]) == (None, None)
    assert (record["stores"], record["store_count"]) == ([], 0)


async def test_a_part_that_takes_too_long_is_missing_and_the_rest_is_the_answer() -> None:
    payload = await fetched(REPORT, {**GOOD, "/people/1120": "silence"}, seconds=0.2)
    assert payload.partial == ("people",)
    assert payload.records[0]["population"] is None
    assert payload.records[0]["store_count"] == 90


async def test_who_can_wait_waits_for_a_part_that_is_late() -> None:
    async with composite(REPORT, GOOD, seconds=0.001) as (source, _):
        whole = await source.fetch(Query("31", priority=Priority.WARMUP))
    assert whole.partial == ()


async def test_what_needs_a_part_that_found_nothing_finds_nothing_and_asks_nobody() -> None:
    async with composite(REPORT, {**GOOD, "/areas": []}) as (source, stub):
        payload = await source.fetch(Query("31"))
    assert (payload.records, payload.total, payload.partial) == ((), 0, ())
    assert sorted(stub.asked) == ["/areas", "/sales/31"]


async def test_without_its_records_or_a_required_part_there_is_no_answer() -> None:
    assert (await failed(REPORT, {**GOOD, "/areas": 429})).kind is Kind.QUOTA_SHORT
    parts = REPORT["parts"]
    strict = {**REPORT, "parts": {**parts, "sales": {**parts["sales"], "required": True}}}
    assert (await failed(strict, {**GOOD, "/sales/31": 401})).kind is Kind.AUTH_CONFIG


EACH = read("""
parts:
  places:
    request: {url: "$BASE/places"}
    response: {fields: {code: code}}
  weather:
    request: {url: "$BASE/weather/{code}"}
    response: {fields: {warm: warm}}
    needs: {code: places.code}
    each: true
    max_each: 2
    under: weather
    count: days
""")
PLACES: Answers = {
    "/places": [{"id": 1, "code": "a"}, {"id": 2, "code": "b"}],
    "/weather/a": [{"id": "x", "warm": 20}],
    "/weather/b": [{"id": "y", "warm": 10}, {"id": "z", "warm": 11}],
}


async def test_a_part_may_be_asked_for_every_record_of_another() -> None:
    payload = await fetched(EACH, PLACES)
    assert payload.partial == ()
    assert [record["days"] for record in payload.records] == [1, 2]
    assert payload.records[1]["weather"][0] == {"id": "y", "name": "y", "warm": "10"}


async def test_one_of_many_that_fails_makes_its_part_partial_and_keeps_the_others() -> None:
    payload = await fetched(EACH, {**PLACES, "/weather/a": 500})
    assert payload.partial == ("weather",)
    assert [record["days"] for record in payload.records] == [0, 2]


async def test_more_records_than_may_be_asked_for_are_not_passed_over_in_silence() -> None:
    third = {"id": 3, "code": "c"}
    payload = await fetched(EACH, {**PLACES, "/places": [*list(PLACES["/places"]), third]})  # type: ignore[call-overload]
    assert payload.partial == ("weather",)
    assert payload.records[2]["weather"] == []


MERGED = read("""
key: doi
parts:
  crossref: {request: {url: "$BASE/c"}, response: {fields: {doi: doi, title: title, cited: cited}}}
  openalex: {request: {url: "$BASE/o"}, response: {fields: {doi: doi, title: title, open: open}}}
  notes: {request: {url: "$BASE/n"}, response: {fields: {of: of}}, under: notes, match: of}
""")
WORKS: Answers = {
    "/c": [{"id": 1, "doi": "10.1", "title": "Tea", "cited": 4}],
    "/o": [
        {"id": "W1", "doi": "10.1", "title": "tea!", "open": True},
        {"id": "W2", "doi": "10.2", "title": "Rice"},
    ],
    "/n": [{"id": "n1", "of": "10.2"}, {"id": "n2", "of": "10.9"}],
}


async def test_records_with_one_key_are_one_and_the_first_parts_words_win() -> None:
    payload = await fetched(MERGED, WORKS)
    tea, rice = payload.records
    assert (tea["id"], tea["title"], tea["cited"], tea["open"]) == ("1", "Tea", "4", "true")
    assert (rice["id"], rice["title"], rice["cited"], rice["open"]) == ("W2", "Rice", None, None)
    assert [note["id"] for note in rice["notes"]] == ["n1"]
    assert tea["notes"] == []


async def test_one_of_two_equals_is_enough_and_none_is_the_firsts_error() -> None:
    payload = await fetched(MERGED, {**WORKS, "/c": 500})
    assert ([record["id"] for record in payload.records], payload.partial) == (
        ["W1", "W2"],
        ("crossref",),
    )
    error = await failed(MERGED, {**WORKS, "/c": 403, "/o": 500})
    assert error.kind is Kind.AUTH_CONFIG


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda parts: parts["people"].update(needs={"district": "nowhere.x"}), "people.needs"),
        (lambda parts: parts["people"].update(needs={"district": "area.size"}), "needs.district"),
        (
            lambda parts: parts["people"].update(needs={"district": "area.id", "b": "sales.id"}),
            "needs",
        ),
        (lambda parts: parts["sales"].update(each=True), "sales.each"),
        (lambda parts: parts["sales"].update(match="color"), "sales.match"),
        (lambda parts: parts["area"].update(under="area"), "parts"),
        (lambda parts: parts["area"].update(one=True), "area"),
        (lambda parts: parts["area"].update(needs={"d": "people.total"}), "parts"),
    ],
)
async def test_a_wrong_part_is_named_by_its_path(
    change: Callable[[dict[str, Any]], None], path: str
) -> None:
    wrong = json.loads(json.dumps(REPORT))
    change(wrong["parts"])
    with pytest.raises(SpecError) as caught:
        async with composite(wrong, GOOD):
            pass
    assert path in caught.value.path


def test_the_strictest_terms_hold_and_everyone_is_credited() -> None:
    config = read("""
parts:
  a: {request: {url: "https://a.example"}, terms: {attribution: A, license: CC0, max_ttl: 1d}}
  b: {request: {url: "https://b.example"}, terms: {attribution: B, license: CC0, store: never}}
  c: {request: {url: "https://c.example"}, terms: {llm_summary_allowed: false}}
""")
    spec = msgspec.convert(config, CompositeSpec, dec_hook=dec_hook)
    terms = spec.terms_with(TermsSpec(attribution="us", url="https://us.example"))
    assert (terms.attribution, terms.license, terms.url) == (
        "us · A · B", "CC0", "https://us.example"
    )  # fmt: skip
    assert terms.max_ttl == Duration(86_400)
    assert terms.store == "never"
    assert not terms.llm_summary_allowed


async def test_a_source_of_several_parts_has_no_listing() -> None:
    async with composite(REPORT, GOOD) as (source, stub):
        with pytest.raises(UpstreamError, match="no listing"):
            await source.fetch(Query("", whole=True))
    assert stub.asked == []
