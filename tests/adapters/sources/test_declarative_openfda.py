from __future__ import annotations

import json

import pytest

from adapters.errors import Kind, UpstreamError
from adapters.source import Query
from tests.recordings import ask, read, recorded, said, source_of

LABEL = read(r"""
request:
  url: /drug/label.json
  params:
    search: 'openfda.brand_name:"{q|phrase}" openfda.generic_name:"{q|phrase}"'
    limit: "20"
  auth: {in: query, name: api_key, key: "", required: false}
  space: "+"
response:
  errors: [openfda]
  records: results
  total: meta.results.total
  id: id
  fields:
    name: "openfda.brand_name[0] || openfda.generic_name[0] || spl_product_data_elements[0]"
    purpose: indications_and_usage || purpose
    substances: {path: openfda.substance_name, cast: list}
    effective: {path: effective_time, cast: date}
""")


async def test_recorded_labels_become_records() -> None:
    payload = await ask(LABEL, recorded("openfda/drug_label.json"), "silicea")
    silicea = payload.records[0]
    assert payload.total == 120_533
    assert silicea["name"] == "SILICEA"
    assert isinstance(silicea["purpose"], str)
    assert silicea["effective"][4] == "-"
    assert [record["id"] for record in payload.records] == [
        row["id"] for row in json.loads(recorded("openfda/drug_label.json").body)["results"]
    ]


async def test_what_the_upstream_wants_said_stands_behind_the_attribution() -> None:
    said_with_it = json.loads(recorded("openfda/drug_label.json").body)["meta"]["disclaimer"]
    response = LABEL["response"] | {"disclaimer": "meta.disclaimer"}
    terms = {"attribution": "openFDA."}
    config = LABEL | {"response": response, "terms": terms}
    payload = await ask(config, recorded("openfda/drug_label.json"), "silicea")
    assert said_with_it
    assert payload.attribution.text == f"openFDA. {said_with_it}"
    config["terms"] = {"attribution": said_with_it}
    payload = await ask(config, recorded("openfda/drug_label.json"), "silicea")
    assert payload.attribution.text == said_with_it


async def test_a_label_without_openfda_still_has_a_name() -> None:
    payload = await ask(LABEL, recorded("openfda/drug_label.json"), "silicea")
    assert all(record["name"] for record in payload.records)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("http_400_01", Kind.INVALID_INPUT),
        ("http_403_02", Kind.AUTH_CONFIG),
        ("http_500_05", Kind.INVALID_INPUT),
        ("documented_429_over_rate_limit", Kind.QUOTA_SHORT),
    ],
)
async def test_recorded_errors_have_their_kind(name: str, kind: Kind) -> None:
    with pytest.raises(UpstreamError) as caught:
        await ask(LABEL, recorded(f"openfda/{name}.recording.json"), "x")
    assert caught.value.kind is kind
    assert "token_mgr" not in caught.value.message


async def test_its_404_is_no_match_only_with_its_own_body() -> None:
    payload = await ask(LABEL, recorded("openfda/http_404_03.recording.json"), "3129084")
    assert (payload.records, payload.total) == ((), 0)
    with pytest.raises(UpstreamError) as caught:
        await ask(LABEL, said("<html>Cannot GET /drug/lable.json</html>", 404), "x")
    assert caught.value.kind is Kind.MALFORMED


async def test_a_phrase_is_quoted_and_escaped_so_that_it_stays_a_phrase() -> None:
    async with source_of(LABEL, recorded("openfda/http_404_03.recording.json")) as (source, stub):
        await source.fetch(Query('extra "strength" aspirin\\'))
    search = stub.requests[-1].query["search"]
    phrase = r'"extra \"strength\" aspirin\\"'
    assert search == f"openfda.brand_name:{phrase} openfda.generic_name:{phrase}"
    assert "%2B" not in stub.query
    assert "+openfda.generic_name" in stub.query
    assert "api_key" not in stub.query


async def test_a_server_error_without_details_is_worth_another_try() -> None:
    body = '{"error": {"code": "SERVER_ERROR", "message": "x"}}'
    with pytest.raises(UpstreamError) as caught:
        await ask(LABEL, said(body, 500), "x")
    assert caught.value.kind.consequence.retry
