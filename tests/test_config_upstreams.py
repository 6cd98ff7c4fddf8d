"""``config.yaml`` with keys, against what data.go.kr and openFDA sent: recorded, over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.errors import Kind, UpstreamError
from adapters.source import Query
from gateway.config.catalog import with_catalog
from gateway.config.document import read_document
from gateway.config.environment import substitute
from tests.recordings import Recorded, recorded, source_of

ROOT = Path(__file__).resolve().parent.parent
KEYS = {"DATA_GO_KR_KEY": "a+b/c==", "OPENFDA_API_KEY": "k"}


def section(name: str) -> dict[str, Any]:
    """Return the source as the file has it, with keys, and with a stub's path for its URL."""
    document = with_catalog(read_document(ROOT / "config.yaml"), [])
    found: dict[str, Any] = substitute(document, KEYS, "", [])
    source: dict[str, Any] = found["sources"][name]
    return source | {"request": source["request"] | {"url": "/asked"}}


async def test_a_medicine_is_asked_for_with_the_key_encoded_once_and_read_field_by_field() -> None:
    answer = recorded("datagokr/list_itemName_tylenol_rows1.json")
    async with source_of(section("medicine"), answer) as (source, stub):
        payload = await source.fetch(Query("타이레놀"))
    (record,) = payload.records
    assert payload.total == 7
    assert record["id"] == "202005623"
    assert record["maker"] == "켄뷰코리아판매유한회사"
    assert record["updated"] == "2024-12-20"
    assert record["image"] is None
    assert "serviceKey=a%2Bb%2Fc%3D%3D" in stub.query
    assert "itemName=%ED%83%80%EC%9D%B4%EB%A0%88%EB%86%80&" in stub.query
    assert "type=json" in stub.query


async def test_no_medicine_of_a_name_is_an_empty_answer() -> None:
    answer = recorded("datagokr/mfds_no_result_envelope.json")
    async with source_of(section("medicine"), answer) as (source, _):
        assert (await source.fetch(Query("없는약"))).records == ()


@pytest.mark.parametrize(
    ("name", "answer", "kind"),
    [
        (
            "medicine",
            "datagokr/gateway_30_service_key_not_registered.http200.xml",
            Kind.AUTH_CONFIG,
        ),
        (
            "medicine",
            "datagokr/gateway_22_limited_number_of_requests.http200.xml",
            Kind.QUOTA_DAY,
        ),
        ("medicine", "datagokr/default-error-response.json", Kind.INVALID_INPUT),
        ("drug-label", "openfda/http_403_02.recording.json", Kind.AUTH_CONFIG),
    ],
)
async def test_an_error_that_comes_as_an_answer_is_an_error(
    name: str, answer: str, kind: Kind
) -> None:
    async with source_of(section(name), recorded(answer)) as (source, _):
        with pytest.raises(UpstreamError) as caught:
            await source.fetch(Query("x"))
    assert caught.value.kind is kind


async def test_a_label_is_asked_for_by_brand_or_substance_and_read_field_by_field() -> None:
    async with source_of(section("drug-label"), recorded("openfda/drug_label.json")) as (source, s):
        payload = await source.fetch(Query('nap"roxen'))
    assert payload.total >= len(payload.records) > 0
    assert all(record["id"] and record["name"] for record in payload.records)
    silicea, nameless, _ = payload.records
    assert (silicea["name"], silicea["updated"]) == ("SILICEA", "2015-11-02")
    assert all(silicea[field] for field in ("purpose", "usage", "warnings", "cautions", "storage"))
    assert nameless["name"].startswith("CHANTECAILLE PROTECTION NATURELLE")  # its openfda is {}
    search = "(openfda.brand_name:%22nap%5C%22roxen%22%20openfda.generic_name:%22nap%5C%22roxen%22)"
    assert decoded(search) in decoded(s.query)
    assert "api_key=k" in s.query


async def test_no_label_of_a_name_is_an_empty_answer_and_another_404_is_not() -> None:
    configured = section("drug-label")
    async with source_of(configured, recorded("openfda/http_404_03.recording.json")) as (source, _):
        assert (await source.fetch(Query("nothing"))).records == ()
    async with source_of(configured, Recorded(b"Not Found", 404, "text/plain")) as (source, _):
        with pytest.raises(UpstreamError):
            await source.fetch(Query("nothing"))


def decoded(query: str) -> str:
    """Undo the encoding of what may or may not be encoded in a query."""
    return query.replace("%28", "(").replace("%29", ")").replace("%3A", ":")
