from __future__ import annotations

import json

import pytest

from adapters.errors import Kind, UpstreamError
from adapters.source import Query
from tests.recordings import NOW, ask, read, recorded, said, source_of

EASY_DRUG = read("""
request:
  url: /1471000/DrbEasyDrugInfoService/getDrbEasyDrugList
  params: {itemName: "{q}", itemSeq: "{id}", type: json, pageNo: "1", numOfRows: "100"}
  auth: {in: query, name: serviceKey, key: "ab+c/d1234=="}
params: {id: {}}
response:
  errors: [datagokr]
  envelope: [response, "@"]
  success: {path: header.resultCode, equals: ["00", "000", "0000", "0"]}
  records: body.items
  unwrap: item
  empty: [none, text, list]
  total: body.totalCount
  id: itemSeq
  id_is: id
  max_total: 10000
  fields: {name: itemName, maker: entpName, purpose: efcyQesitm, image: itemImage}
terms: {attribution: 식품의약품안전처, license: 공공저작물 출처표시}
""")

GATEWAY = """<OpenAPI_ServiceResponse><cmmMsgHeader><errMsg>{}</errMsg>
<returnAuthMsg>{}</returnAuthMsg><returnReasonCode>{}</returnReasonCode>
</cmmMsgHeader></OpenAPI_ServiceResponse>"""


SERVICE_ERROR = "SERVICE ERROR"
UNKNOWN_KEY = "SERVICE_KEY_IS_NOT_REGISTERED_ERROR"
DENIED = "SERVICE_ACCESS_DENIED_ERROR"
PER_SECOND = "LIMITED_NUMBER_OF_SERVICE_REQUESTS_PER_SECOND_EXCEEDS_ERROR"
AS_JSON = '{"OpenAPI_ServiceResponse":{"cmmMsgHeader":{"returnReasonCode":30}}}'


def gateway(message: str, auth: str, code: str) -> str:
    return GATEWAY.format(message, auth, code)


def body_of(items: object, total: int = 0) -> str:
    body = {"totalCount": total} if items is ... else {"totalCount": total, "items": items}
    return json.dumps({"header": {"resultCode": "00"}, "body": body})


async def test_a_recorded_answer_becomes_records_with_id_name_and_credit() -> None:
    answer = recorded("datagokr/list_itemName_tylenol_rows1.json")
    payload = await ask(EASY_DRUG, answer, "타이레놀")
    record = payload.records[0]
    assert payload.total == 7
    assert payload.at == NOW
    assert payload.attribution.text == "식품의약품안전처"
    assert record["id"] == json.loads(answer.body)["body"]["items"][0]["itemSeq"]
    assert "타이레놀" in record["name"]
    assert record["purpose"]


async def test_xml_where_json_was_asked_gives_the_same_records() -> None:
    payload = await ask(
        EASY_DRUG,
        recorded("datagokr/list_default.xml"),
        "활명수",
    )
    assert payload.records[0]["id"] == "195700020"
    assert payload.records[0]["maker"] == "동화약품(주)"


@pytest.mark.parametrize(
    "key", ["ab+c/d1234==", "ab%2Bc%2Fd1234%3D%3D", "ab%252Bc%252Fd1234%253D%253D"]
)
async def test_the_key_is_encoded_exactly_once_however_it_was_given(key: str) -> None:
    config = {**EASY_DRUG, "request": {**EASY_DRUG["request"]}}
    config["request"]["auth"] = {"in": "query", "name": "serviceKey", "key": key}
    async with source_of(config, said(body_of([]))) as (source, stub):
        await source.fetch(Query("타이레놀 500"))
    assert "serviceKey=ab%2Bc%2Fd1234%3D%3D" in stub.query
    assert "%25" not in stub.query
    assert "itemName=%ED%83%80%EC%9D%B4%EB%A0%88%EB%86%80%20500" in stub.query
    assert "itemSeq" not in stub.query


@pytest.mark.parametrize("items", [..., "", None, [], {"item": []}])
async def test_every_legal_form_of_empty_is_no_match(items: object) -> None:
    payload = await ask(EASY_DRUG, said(body_of(items)), "없는약")
    assert (payload.records, payload.total) == ((), 0)


async def test_recorded_empty_answers_are_no_match() -> None:
    for name in ("mfds_no_result_envelope.json", "upstream_handwritten_success_empty.json"):
        assert (await ask(EASY_DRUG, recorded(f"datagokr/{name}"), "없는약")).total == 0
    answer = said(gateway("NODATA_ERROR", "", "03"))
    assert (await ask(EASY_DRUG, answer, "없는약")).total == 0


@pytest.mark.parametrize("items", [..., "", None, []])
async def test_a_total_without_rows_is_malformed_and_never_empty(items: object) -> None:
    with pytest.raises(UpstreamError) as caught:
        await ask(EASY_DRUG, said(body_of(items, total=7)), "타이레놀")
    assert caught.value.kind is Kind.MALFORMED


@pytest.mark.parametrize(
    "items",
    [
        {"item": {"itemSeq": "1", "itemName": "약"}},
        {"item": [{"itemSeq": "1", "itemName": "약"}]},
        [{"item": {"itemSeq": 1, "itemName": "약"}}],
        [{"itemSeq": "1", "itemName": "<p>약</p>"}],
    ],
)
async def test_rows_come_in_four_wrappings(items: object) -> None:
    payload = await ask(EASY_DRUG, said(body_of(items, total=1)), "약")
    assert [(record["id"], record["name"]) for record in payload.records] == [("1", "약")]


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (gateway(SERVICE_ERROR, UNKNOWN_KEY, "30"), 200, Kind.AUTH_CONFIG),
        (gateway(UNKNOWN_KEY, "등록되지 않은 키", "30"), 403, Kind.AUTH_CONFIG),
        (gateway("SERVICE_KEY_IS_NULL", "", "20"), 401, Kind.AUTH_CONFIG),
        (gateway(SERVICE_ERROR, "PERMISSION_DENIED", "20"), 200, Kind.NOT_APPROVED),
        (gateway(DENIED, "", "20"), 403, Kind.NOT_APPROVED),
        (gateway(SERVICE_ERROR, "", DENIED), 200, Kind.NOT_APPROVED),
        (gateway(SERVICE_ERROR, "", "22"), 200, Kind.QUOTA_DAY),
        (gateway(PER_SECOND, "", "23"), 429, Kind.QUOTA_SHORT),
        (gateway(SERVICE_ERROR, "SERVICETIMEOUT_ERROR", "05"), 200, Kind.TRANSIENT),
        (AS_JSON, 403, Kind.AUTH_CONFIG),
        ('{"response":{"header":{"resultCode":"99"}}}', 200, Kind.TRANSIENT),
        ('{"resultCode":12}', 200, Kind.MISCONFIGURED),
        ('{"header":{"resultCode":"08"},"body":{}}', 200, Kind.MALFORMED),
        ("API token quota exceeded", 429, Kind.QUOTA_DAY),
        ("API rate limit exceeded", 429, Kind.QUOTA_SHORT),
        ("Unauthorized", 401, Kind.AUTH_CONFIG),
        ("Forbidden", 403, Kind.NOT_APPROVED),
        ("API not found", 404, Kind.MISCONFIGURED),
        ("Unexpected errors", 500, Kind.MISCONFIGURED),
        ("Error forwarding request to backend server", 200, Kind.TRANSIENT),
        ("<html><body>504 Gateway Time-out</body></html>", 504, Kind.TRANSIENT),
        ("<html><body>maintenance</body></html>", 200, Kind.MALFORMED),
        ("", 200, Kind.MALFORMED),
        ("{", 200, Kind.MALFORMED),
    ],
)
async def test_errors_are_read_from_the_body_whatever_the_status(
    body: str, status: int, kind: Kind
) -> None:
    with pytest.raises(UpstreamError) as caught:
        await ask(EASY_DRUG, said(body, status), "타이레놀")
    assert caught.value.kind is kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("gateway_30_service_key_not_registered.http200.xml", Kind.AUTH_CONFIG),
        ("gateway_22_limited_number_of_requests.http200.xml", Kind.QUOTA_DAY),
        ("upstream_handwritten_error_rate_limit_22.json", Kind.QUOTA_DAY),
        ("default-error-response.json", Kind.INVALID_INPUT),
    ],
)
async def test_recorded_errors_have_their_kind(name: str, kind: Kind) -> None:
    with pytest.raises(UpstreamError) as caught:
        await ask(EASY_DRUG, recorded(f"datagokr/{name}"), "타이레놀")
    assert caught.value.kind is kind


async def test_somebody_elses_record_is_malformed() -> None:
    answer = recorded("datagokr/list_itemName_tylenol_rows1.json")
    with pytest.raises(UpstreamError) as caught:
        await ask(EASY_DRUG, answer, "", id="199303108")
    assert caught.value.kind is Kind.MALFORMED


async def test_a_parameter_that_was_ignored_shows_in_the_total() -> None:
    answer = said(body_of([{"itemSeq": "1", "itemName": "엉뚱한 약"}], total=43_064))
    with pytest.raises(UpstreamError) as caught:
        await ask(EASY_DRUG, answer, "타이레놀")
    assert caught.value.kind is Kind.MALFORMED


async def test_without_a_key_nobody_is_asked() -> None:
    config = {**EASY_DRUG, "request": {**EASY_DRUG["request"]}}
    config["request"]["auth"] = {"in": "query", "name": "serviceKey"}
    async with source_of(config, said(body_of([]))) as (source, stub):
        with pytest.raises(UpstreamError) as caught:
            await source.fetch(Query("타이레놀"))
    assert caught.value.kind is Kind.AUTH_CONFIG
    assert not stub.requests


async def test_a_key_that_the_upstream_echoes_is_taken_out() -> None:
    items = [{"itemSeq": "1", "itemName": "ab+c/d1234== and ab%2Bc%2Fd1234%3D%3D"}]
    payload = await ask(EASY_DRUG, said(body_of(items, total=1)), "약")
    assert payload.records[0]["name"] == "REDACTED and REDACTED"
