"""What the upstreams of the catalog say: recorded where it could be, else as documented."""

from __future__ import annotations

import json
import re
from typing import Any

from adapters.errors import Kind
from adapters.source import Query
from adapters.sources import catalog
from tests.recordings import Recorded, recorded, said


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


def asked_by_one_request() -> list[str]:
    """Return the blocks of the catalog but for the composite ones, which have parts."""
    return [name for name in catalog.names() if "request" in catalog.block(name)]


def page(body: object) -> Recorded:
    return said(json.dumps(body), 200, "application/json")


MFDS_EMPTY = recorded("datagokr/mfds_no_result_envelope.json")
NO_KEY = recorded("datagokr/gateway_30_service_key_not_registered.http200.xml")
OPENFDA_EMPTY = recorded("openfda/http_404_03.recording.json")
POINT = {"lat": "37.5", "lon": "127.0"}

GOOD: list[tuple[str, Query, Recorded, dict[str, Any]]] = [
    ("easy-drug", Query("타이레놀"), recorded("datagokr/list_itemName_tylenol_rows1.json"),
     {"id": "202005623", "maker": "켄뷰코리아판매유한회사", "updated": "2024-12-20"}),
    ("drug-label", Query("silicea"), recorded("openfda/drug_label.json"),
     {"name": "SILICEA", "updated": "2015-11-02"}),
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
     {"id": "C1110693", "name": "청실약국", "opens": "09:00", "lat": 37.567281866886}),
    ("hospitals-nearby", Query("", {**POINT, "radius": "1000"}),
     recorded("pharmacy/hospital_list.json"),
     {"kind": "상급종합", "lon": 126.96775, "opened": "1979-03-24"}),
    ("kakao-places", Query("약국"), recorded("others/kakao.json"),
     {"id": "16618597", "name": "장생당약국", "lon": 127.058970783352}),
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
        "active_ingredients": [{"name": "IBUPROFEN", "strength": "200 mg/1"},
                               {"name": "CAFFEINE"}],
        "marketing_start_date": "19840518", "route": ["ORAL"]}]}),
     {"id": "0573-0133", "ingredients": ["IBUPROFEN 200 mg/1", "CAFFEINE"],
      "marketed": "1984-05-18"}),
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
    ("pubmed-search", Query("PTEN D326N"), recorded("others/esearch.json"),
     {"id": "32150788", "name": "PubMed 32150788",
      "url": "https://pubmed.ncbi.nlm.nih.gov/32150788/"}),
    ("wikipedia-search", Query("Python programming", {}, "en"),
     recorded("others/wikipedia_search.recording.json"),
     {"id": "23862", "name": "Python (programming language)", "updated": "2026-03-25"}),
    ("wikipedia", Query("Fermat's Last Theorem", {}, "en"), recorded("others/wikipedia.json"),
     {"name": "Fermat's Last Theorem"}),
    ("wikidata", Query("Seoul"), page({"success": 1, "search": [
        {"id": "Q8684", "label": "Seoul", "description": "capital of South Korea"}]}),
     {"id": "Q8684", "name": "Seoul"}),
    ("crossref", Query("x"), recorded("others/crossref.recording.json"),
     {"id": "10.1007/978-3-658-17671-6_18-1", "name": "Soziale Innovation", "year": 2018,
      "authors": ["Jürgen Howaldt", "Michael Schwarz"]}),
    ("openalex", Query("crispr base editing"), recorded("others/openalex.json"),
     {"id": "https://openalex.org/W3161425918", "year": 2021, "cited_by": 771,
      "retracted": False}),
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
    ("rest-countries", Query("korea"), recorded("others/documented_rest_countries_v5.json"),
     {"id": "KOR", "name": "South Korea", "capital": ["Seoul"], "currencies": ["KRW"],
      "area_km2": 100210.0}),
]  # fmt: skip

EMPTY: list[tuple[str, Recorded]] = [
    *[(name, MFDS_EMPTY) for name in ("easy-drug", "drug-permit", "drug-permit-detail",
      "dur-interactions", "pill-identification", "pharmacies-nearby", "hospitals-nearby",
      "stores-nearby")],
    ("kakao-places", page({"documents": [], "meta": {"total_count": 0}})),
    ("naver-local", page({"lastBuildDate": "x", "total": 0, "items": []})),
    ("seoul-trade-areas", page({"RESULT": {"CODE": "INFO-200", "MESSAGE": "없음"}})),
    ("drug-events", OPENFDA_EMPTY),
    ("drug-label", OPENFDA_EMPTY),
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
    ("rest-countries", page({"data": {"objects": [], "meta": {"total": 0}}, "errors": []})),
    ("pubmed", page({"result": {"uids": ["8"],
        "8": {"uid": "8", "error": "cannot get document summary"}}})),
    ("pubmed-search", page({"esearchresult": {"count": "0", "idlist": [],
        "errorlist": {"phrasesnotfound": ["abcXYZ"]}}})),
    ("wikipedia-search", page({"query": {"searchinfo": {"totalhits": 0}, "search": []}})),
]  # fmt: skip

FAULTY: list[tuple[str, Recorded, Kind]] = [
    *[(name, NO_KEY, Kind.AUTH_CONFIG) for name in ("easy-drug", "drug-permit",
      "drug-permit-detail", "dur-interactions", "pill-identification", "pharmacies-nearby",
      "hospitals-nearby", "stores-nearby")],
    ("kakao-places", said('{"code": -10, "msg": "x"}', 400), Kind.QUOTA_DAY),
    ("kakao-places", said('{"errorType": "NotAuthorizedError", "message": "App disabled '
                          'OPEN_MAP_AND_LOCAL service."}', 403), Kind.NOT_APPROVED),
    ("naver-local", said('{"error_code": "052"}'), Kind.MISCONFIGURED),
    ("naver-local", said('{"error": {"errorCode": "200"}}', 401), Kind.AUTH_CONFIG),
    ("seoul-trade-areas", said("<RESULT><CODE>INFO-100</CODE></RESULT>"), Kind.AUTH_CONFIG),
    ("seoul-trade-areas", page({"VwsmTrdarSelngQq": {"RESULT": {"CODE": "ERROR-337"}}}),
     Kind.QUOTA_DAY),
    ("drug-label", recorded("openfda/http_403_02.recording.json"), Kind.AUTH_CONFIG),
    ("drug-events", recorded("openfda/http_500_05.recording.json"), Kind.INVALID_INPUT),
    ("drug-ndc", recorded("openfda/documented_429_over_rate_limit.recording.json"),
     Kind.QUOTA_SHORT),
    ("rxnorm", said("<html>503</html>", 503), Kind.TRANSIENT),
    ("dailymed", said("", 415), Kind.MISCONFIGURED),
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
    ("world-bank", said('<wb:error xmlns:wb="http://www.worldbank.org"><wb:message id="120">x'
                        "</wb:message></wb:error>"), Kind.INVALID_INPUT),
    ("rest-countries", said('{"errors": [{"message": "x"}]}', 401), Kind.AUTH_CONFIG),
    ("rest-countries", page({"data": {}, "errors": [{"message": "x"}]}), Kind.MALFORMED),
    ("pubmed-search", page({"esearchresult": {"ERROR": "retstart is out of acceptable range "
                            "[9999,9998]"}}), Kind.INVALID_INPUT),
    ("wikipedia-search", recorded("others/wikipedia_error.json"), Kind.INVALID_INPUT),
]  # fmt: skip
