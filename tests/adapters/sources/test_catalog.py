"""Every source of the catalog: records, no match and its own errors, over a real HTTP stub."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from adapters.errors import Kind, UpstreamError
from adapters.source import Query
from adapters.sources import catalog
from adapters.sources.limits import LimitsSpec
from adapters.sources.requests import Asker
from adapters.sources.spec import ParamSpec, RequestSpec
from adapters.sources.units import dec_hook
from gateway.config import SourceSection
from gateway.parameters import accepted
from tests.catalog_answers import EMPTY, FAULTY, GOOD, asked_by_one_request, filled, section
from tests.recordings import Recorded, recorded, said, source_of

QUERIES = {name: query for name, query, _, _ in GOOD}


def test_every_source_of_the_catalog_is_replayed() -> None:
    names = asked_by_one_request()
    assert sorted(QUERIES) == names
    assert {name for name, _ in EMPTY} >= {*names} - {"weather"}
    assert {name for name, _, _ in FAULTY} == {*names}
    # The composite one is replayed in test_district_report.py.
    assert {*catalog.names()} - {*names} == {"district-report"}


@pytest.mark.parametrize("name", asked_by_one_request())
def test_a_block_is_a_section_of_the_configuration_with_credit(name: str) -> None:
    block = filled(catalog.block(name))
    built = msgspec.convert(block, SourceSection, dec_hook=dec_hook)
    assert built.description
    assert built.terms.attribution
    assert built.request is not None
    assert urlsplit(built.request.url).scheme in ("http", "https")


@pytest.mark.parametrize(
    ("name", "query", "answer", "expected"), GOOD, ids=[row[0] for row in GOOD]
)
async def test_a_recorded_answer_becomes_records(
    name: str, query: Query, answer: Recorded, expected: dict[str, Any]
) -> None:
    async with source_of(section(name), answer) as (source, stub):
        payload = await source.fetch(query)
    first = payload.records[0]
    assert {key: first[key] for key in expected} == expected
    assert first["id"]
    assert first["name"]
    fields = {"id", "name", *catalog.block(name)["response"]["fields"]}
    assert all(record.keys() == fields for record in payload.records)
    assert len({record["id"] for record in payload.records}) == len(payload.records)
    assert payload.attribution.text
    assert payload.attribution.url.startswith("https://")
    assert "{" not in stub.raw
    assert "%25" not in stub.raw


@pytest.mark.parametrize(("name", "answer"), EMPTY, ids=[row[0] for row in EMPTY])
async def test_no_match_is_an_empty_payload(name: str, answer: Recorded) -> None:
    async with source_of(section(name), answer) as (source, _):
        payload = await source.fetch(QUERIES[name])
    assert (payload.records, payload.total) == ((), 0)


@pytest.mark.parametrize(("name", "answer", "kind"), FAULTY)
async def test_its_errors_have_their_kind(name: str, answer: Recorded, kind: Kind) -> None:
    async with source_of(section(name), answer) as (source, _):
        with pytest.raises(UpstreamError) as caught:
            await source.fetch(QUERIES[name])
    assert caught.value.kind is kind


async def test_two_good_ids_and_a_bad_one_are_two_records() -> None:
    answer = next(answer for name, _, answer, _ in GOOD if name == "pubmed")
    async with source_of(section("pubmed"), answer) as (source, _):
        payload = await source.fetch(QUERIES["pubmed"])
    assert [record["id"] for record in payload.records] == ["7", "9"]


async def test_a_list_in_a_path_keeps_its_semicolons() -> None:
    query = Query("", {"countries": "KOR;JPN", "indicator": "SP.POP.TOTL", "years": "2000:2023"})
    async with source_of(section("world-bank"), recorded("others/world_bank.json")) as (
        source,
        stub,
    ):
        await source.fetch(query)
    assert stub.raw.startswith(
        "/v2/country/KOR;JPN/indicator/SP.POP.TOTL?format=json&date=2000:2023"
    )


async def test_a_country_without_a_code_goes_by_its_name_and_an_unknown_area_is_none() -> None:
    answer = recorded("others/documented_rest_countries_v5.json")
    async with source_of(section("rest-countries"), answer) as (source, stub):
        payload = await source.fetch(Query("s"))
    assert (payload.records[1]["id"], payload.records[1]["area_km2"]) == ("Somaliland", None)
    assert stub.requests[-1].headers["Authorization"] == "Bearer secret-1234"
    assert "names.common,names.official" in stub.query


@pytest.mark.parametrize(("name", "expected"), sorted({
    "crossref": "rows=20&offset=20", "drug-events": "limit=10&skip=10",
    "openalex": "per_page=20&page=2", "semantic-scholar": "limit=20&offset=20",
    "pubmed-search": "retmax=20&retstart=20", "wikipedia-search": "srlimit=20&sroffset=20",
}.items()))  # fmt: skip
def test_the_second_page_begins_where_the_first_ended(name: str, expected: str) -> None:
    request = msgspec.convert(
        filled(catalog.block(name))["request"], RequestSpec, dec_hook=dec_hook
    )
    url = str(Asker(request, {}).build(Query("x", {}, "en"), page=1).url)
    assert expected in url


async def test_a_postcode_which_is_no_object_of_the_map_has_an_id_all_the_same() -> None:
    answer = recorded("others/nominatim_postcode.json")
    async with source_of(section("nominatim"), answer) as (source, _):
        (record,) = (await source.fetch(Query("90210"))).records
    assert (record["id"], record["kind"]) == ("place/261099446", "postcode")


async def test_two_reasons_to_keep_a_pair_apart_are_two_records_and_a_repeat_is_one() -> None:
    body = json.loads(recorded("drug_other/dur_usjnt.json").body)
    row = body["body"]["items"][0]
    other = {**row, "DUR_SEQ": "20", "MIXTURE_DUR_SEQ": "20", "INGR_KOR_NAME": "케토코나졸"}
    body["body"] |= {"items": [row, other, row], "totalCount": 3}
    async with source_of(section("dur-interactions"), said(json.dumps(body))) as (source, _):
        records = (await source.fetch(Query("코니트라캡슐"))).records
    assert [record["ingredient"] for record in records] == ["이트라코나졸", "케토코나졸"]
    assert len({record["id"] for record in records}) == 2


@pytest.mark.parametrize("name", ["drug-label", "drug-events", "drug-ndc", "pubmed"])
def test_who_has_a_key_may_ask_more(name: str) -> None:
    limits = msgspec.convert(catalog.block(name)["limits"], LimitsSpec, dec_hook=dec_hook)
    keyed, anonymous = (limits.when_keyed(keyed=given).quotas[-1].limit for given in (True, False))
    assert keyed > anonymous


@pytest.mark.parametrize("name", catalog.names())
def test_every_block_can_be_probed(name: str) -> None:
    block = catalog.block(name)
    params = msgspec.convert(block.get("params", {}), dict[str, ParamSpec], dec_hook=dec_hook)
    asked = block["probe"]
    assert "q" in asked or any(spec.required for spec in params.values())
    assert accepted(params, {key: value for key, value in asked.items() if key != "q"}) is not None
