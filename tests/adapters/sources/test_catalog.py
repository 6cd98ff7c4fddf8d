"""Every source of the catalog: records, no match and its own errors, over a real HTTP stub."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from adapters.errors import Kind, UpstreamError
from adapters.source import Query
from adapters.sources import catalog
from adapters.sources.units import dec_hook
from gateway.config.sections import SourceSection
from tests.recordings import Recorded, recorded, said, source_of


def filled(value: Any) -> Any:
    """Return *value* with every ``${NAME}`` set."""
    if isinstance(value, dict):
        return {name: filled(item) for name, item in value.items()}
    if isinstance(value, list):
        return [filled(item) for item in value]
    return re.sub(r"\$\{\w+(:-.*?)?\}", "secret-1234", value) if isinstance(value, str) else value


def section(name: str) -> dict[str, Any]:
    """Return the block *name*, with the path of its URL for a stub."""
    block: dict[str, Any] = filled(catalog.block(name))
    address = re.sub(r"^https?://[^/]+", "", block["request"]["url"])
    block["request"] = {**block["request"], "url": address}
    return {key: block[key] for key in ("request", "response", "params", "terms") if key in block}


def page(body: object) -> Recorded:
    return said(json.dumps(body), 200, "application/json")


MFDS_EMPTY = recorded("datagokr/mfds_no_result_envelope.json")
NO_KEY = recorded("datagokr/gateway_30_service_key_not_registered.http200.xml")
OPENFDA_EMPTY = recorded("openfda/http_404_03.recording.json")
POINT = {"lat": "37.5", "lon": "127.0"}

GOOD: list[tuple[str, Query, Recorded, dict[str, Any]]] = [
    ("drug-permit", Query("타이레놀"), recorded("drug_other/permission.json"),
     {"id": "202005623", "maker": "켄뷰코리아판매유한회사", "permitted": "2020-08-03"}),
    ("drug-permit-detail", Query("", {"id": "202005623"}),
     recorded("drug_other/permission_detail.json"),
     {"id": "202005623", "name": "어린이타이레놀산160밀리그램(아세트아미노펜)"}),
    ("dur-interactions", Query("코니트라캡슐"), recorded("drug_other/dur_usjnt.json"),
     {"ingredient": "이트라코나졸", "kind": "병용금기"}),
    ("pill-identification", Query("디페인정"),
     recorded("drug_other/drug-pill-identification-response.json"),
     {"id": "198000058", "shape": "원형", "color": ["노랑"], "back": None, "length_mm": 7.5}),
    ("pharmacies-nearby", Query("", POINT), recorded("pharmacy/pharmacy.json"),
     {"id": "C1110693", "name": "청실약국", "opens": "09:00", "distance_m": 140}),
    ("hospitals-nearby", Query("", {**POINT, "radius": "1000"}),
     recorded("pharmacy/hospital_list.json"),
     {"kind": "상급종합", "distance_m": 932, "opened": "1979-03-24"}),
    ("kakao-places", Query("약국"), recorded("others/kakao.json"),
     {"id": "16618597", "name": "장생당약국", "lon": 127.058970783352, "distance_m": None}),
    ("naver-local", Query("카페"), page({
        "lastBuildDate": "x", "total": 1, "items": [{"title": "<b>카페</b> &amp; 책",
        "address": "서울", "mapx": "1269784147", "mapy": "375665851", "telephone": ""}]}),
     {"name": "카페 & 책", "lon": 126.9784147, "lat": 37.5665851, "phone": None}),
    ("seoul-trade-areas", Query("", {"quarter": "20241"}), recorded("others/seoul.json"),
     {"area_id": "3110127", "industry": "한식음식점", "sales_won": 248683572}),
    ("stores-nearby", Query("", {**POINT, "radius": "300"}), recorded("others/semas.json"),
     {"id": "S001", "name": "테스트카페", "category": "음식"}),
    ("drug-events", Query("aspirin"), recorded("openfda/drug_event_1.json"), {"serious": False}),
    ("drug-ndc", Query("advil"), page({
        "meta": {"results": {"total": 1}}, "results": [{"product_ndc": "0573-0133",
        "brand_name": "Advil", "generic_name": "Ibuprofen",
        "active_ingredients": [{"name": "IBUPROFEN", "strength": "200 mg/1"}],
        "marketing_start_date": "19840518", "route": ["ORAL"]}]}),
     {"id": "0573-0133", "ingredients": ["IBUPROFEN 200 mg/1"], "marketed": "1984-05-18"}),
    ("rxnorm", Query("advil"), page({"approximateGroup": {"candidate": [
        {"rxcui": "153010", "rxaui": "1", "score": "9.5", "rank": "1", "name": "Advil",
         "source": "RXNORM"}, {"rxcui": "153010", "rxaui": "2", "score": "9", "rank": "1"}]}}),
     {"name": "Advil", "rxcui": "153010", "score": 9.5, "rank": 1}),
    ("dailymed", Query("x"), recorded("others/dailymed.xml"),
     {"id": "025c0c24-ac0f-42ed-a17c-fd70f1efd38a", "published": "2021-05-12", "version": 1}),
    ("pubmed", Query("", {"ids": "7,8,9"}), page({"result": {"uids": ["7", "8", "9"],
        "7": {"uid": "7", "title": "On tea", "authors": [{"name": "Kim J"}],
              "articleids": [{"idtype": "doi", "value": "10.1/x"}]},
        "8": {"uid": "8", "error": "cannot get document summary"},
        "9": {"uid": "9", "title": "On rice"}}}),
     {"id": "7", "name": "On tea", "authors": ["Kim J"], "doi": "10.1/x"}),
    ("wikipedia", Query("Fermat's Last Theorem", {}, "en"), recorded("others/wikipedia.json"),
     {"name": "Fermat's Last Theorem"}),
    ("wikidata", Query("Seoul"), page({"success": 1, "search": [
        {"id": "Q8684", "label": "Seoul", "description": "capital of South Korea"}]}),
     {"id": "Q8684", "name": "Seoul"}),
    ("crossref", Query("x"), recorded("others/crossref.recording.json"), {}),
    ("openalex", Query("crispr base editing"), recorded("others/openalex.json"), {}),
    ("semantic-scholar", Query("tea"), page({"total": 1, "data": [
        {"paperId": "p1", "title": "Tea", "year": 2020, "tldr": None, "authors": []}]}),
     {"id": "p1", "year": 2020, "summary": None}),
    ("open-meteo-places", Query("Seoul"), page({"generationtime_ms": 0.5, "results": [
        {"id": 1835848, "name": "Seoul", "latitude": 37.566, "longitude": 126.9784}]}),
     {"id": "1835848", "lat": 37.566}),
    ("weather", Query("", POINT), recorded("others/weather.json"), {"id": "2025-10-25"}),
    ("nominatim", Query("10 Downing Street"), recorded("others/nominatim.json"),
     {"id": "relation/1879842", "kind": "attraction", "lat": 51.50344025}),
    ("world-bank", Query("", {"countries": "all", "indicator": "NY.GDP.MKTP.CD", "years": "2013"}),
     recorded("others/world_bank.json"), {"id": "ARG-2013", "value": 2867811095547.36}),
    ("rest-countries", Query("korea"), recorded("others/rest_countries.json"), {"region": "Asia"}),
]  # fmt: skip

EMPTY: list[tuple[str, Recorded]] = [
    *[(name, MFDS_EMPTY) for name in ("drug-permit", "drug-permit-detail", "dur-interactions",
      "pill-identification", "pharmacies-nearby", "hospitals-nearby", "stores-nearby")],
    ("kakao-places", page({"documents": [], "meta": {"total_count": 0}})),
    ("naver-local", page({"lastBuildDate": "x", "total": 0, "items": []})),
    ("seoul-trade-areas", page({"RESULT": {"CODE": "INFO-200", "MESSAGE": "없음"}})),
    ("drug-events", OPENFDA_EMPTY),
    ("drug-ndc", OPENFDA_EMPTY),
    ("rxnorm", page({"approximateGroup": {"inputTerm": None}})),
    ("dailymed", said("<spls><metadata><total_elements>0</total_elements></metadata></spls>")),
    ("wikipedia", Recorded(recorded("others/wikipedia_404.json").body, 404)),
    ("wikidata", page({"success": 1, "search": []})),
    ("crossref", recorded("others/crossref_404.recording.json")),
    ("openalex", page({"meta": {"count": 0}, "results": []})),
    ("semantic-scholar", page({"total": 0, "offset": 0, "data": []})),
    ("open-meteo-places", page({"generationtime_ms": 0.4})),
    ("nominatim", page([])),
    ("world-bank", page([{"page": 0, "pages": 0, "total": 0}, None])),
    ("rest-countries", said('{"message": "Not Found", "status": 404}', 404)),
]  # fmt: skip

FAULTY: list[tuple[str, Recorded, Kind]] = [
    *[(name, NO_KEY, Kind.AUTH_CONFIG) for name in ("drug-permit", "drug-permit-detail",
      "dur-interactions", "pill-identification", "pharmacies-nearby", "hospitals-nearby",
      "stores-nearby")],
    ("kakao-places", said('{"code": -10, "msg": "x"}', 400), Kind.QUOTA_DAY),
    ("kakao-places", said('{"errorType": "NotAuthorizedError", "message": "App disabled '
                          'OPEN_MAP_AND_LOCAL service."}', 403), Kind.NOT_APPROVED),
    ("naver-local", said('{"error_code": "052"}'), Kind.AUTH_CONFIG),
    ("naver-local", said('{"error": {"errorCode": "200"}}', 401), Kind.AUTH_CONFIG),
    ("seoul-trade-areas", said("<RESULT><CODE>INFO-100</CODE></RESULT>"), Kind.AUTH_CONFIG),
    ("seoul-trade-areas", page({"VwsmTrdarSelngQq": {"RESULT": {"CODE": "ERROR-337"}}}),
     Kind.QUOTA_DAY),
    ("drug-events", recorded("openfda/http_500_05.recording.json"), Kind.INVALID_INPUT),
    ("drug-ndc", recorded("openfda/documented_429_over_rate_limit.recording.json"),
     Kind.QUOTA_SHORT),
    ("rxnorm", said("<html>503</html>", 503), Kind.TRANSIENT),
    ("dailymed", said("", 415), Kind.MALFORMED),
    ("pubmed", recorded("others/esummary_rate_limited.json", 429), Kind.QUOTA_SHORT),
    ("pubmed", said("<html><title>WWW Error 500 Diagnostic</title></html>"), Kind.TRANSIENT),
    ("wikipedia", said("<html>Please set a user-agent</html>", 403), Kind.AUTH_CONFIG),
    ("wikidata", page({"error": {"code": "maxlag", "info": "x"}}), Kind.QUOTA_SHORT),
    ("wikidata", page({"error": {"code": "badvalue", "info": "x"}}), Kind.INVALID_INPUT),
    ("crossref", said('{"status": "failed", "message-type": "validation-failure", '
                      '"message": [{}]}', 400), Kind.INVALID_INPUT),
    ("openalex", said('{"error": "x", "message": "x"}', 429), Kind.QUOTA_DAY),
    ("semantic-scholar", said('{"message": "Too Many Requests"}', 429), Kind.QUOTA_SHORT),
    ("weather", recorded("others/open_meteo_429.recording.json"), Kind.QUOTA_SHORT),
    ("open-meteo-places", said('{"error": true, "reason": "Daily API request limit exceeded"}',
                               429), Kind.QUOTA_DAY),
    ("nominatim", said(recorded("others/nominatim_over_limit.html").body, 200, "text/html"),
     Kind.AUTH_CONFIG),
    ("nominatim", page({"error": "Unable to geocode"}), Kind.INVALID_INPUT),
    ("world-bank", recorded("others/world_bank_error.json"), Kind.INVALID_INPUT),
    ("rest-countries", said('{"message": "x", "status": 400}', 400), Kind.INVALID_INPUT),
]  # fmt: skip

QUERIES = {name: query for name, query, _, _ in GOOD}


def test_every_source_of_the_catalog_is_replayed() -> None:
    assert sorted(QUERIES) == catalog.names()
    assert {name for name, _ in EMPTY} >= set(catalog.names()) - {"pubmed", "weather"}
    assert {name for name, _, _ in FAULTY} == set(catalog.names())


@pytest.mark.parametrize("name", catalog.names())
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
    assert payload.attribution.text
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
