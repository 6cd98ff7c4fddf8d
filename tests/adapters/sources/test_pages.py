from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.errors import Kind, UpstreamError
from adapters.source import Query
from tests.recordings import Recorded, read, said, source_of

XML_API = read("""
request:
  url: /api/stores
  params: {name: "{q}", pageNo: "{page}", numOfRows: "{size}"}
  pages: {size: 2, max: 3}
response:
  format: xml
  envelope: [response]
  success: {path: header.resultCode, equals: ["00"]}
  errors: [datagokr]
  records: body.items.item
  empty: [none]
  total: body.totalCount
  id: seq
  fields: {name: title}
""")


def xml_page(total: int, *ids: int) -> Recorded:
    rows = "".join(f"<item><seq>{n}</seq><title>가게 {n}</title></item>" for n in ids)
    text = (
        '<?xml version="1.0" encoding="EUC-KR"?><response><header><resultCode>00</resultCode>'
        f"</header><body><items>{rows}</items><totalCount>{total}</totalCount></body></response>"
    )
    return said(text.encode("cp949"), 200, "application/xml")


async def fetch(config: dict[str, Any], *answers: Recorded) -> tuple[list[str], int, list[str]]:
    async with source_of(config, *answers) as (source, stub):
        payload = await source.fetch(Query("가게"))
    ids = [record["id"] for record in payload.records]
    return ids, payload.total, [request.rel_url.raw_query_string for request in stub.requests]


async def test_an_xml_api_with_envelope_and_pages_is_configuration_alone() -> None:
    ids, total, asked = await fetch(XML_API, xml_page(5, 1, 2), xml_page(5, 3, 4), xml_page(5, 5))
    assert (ids, total) == (["1", "2", "3", "4", "5"], 5)
    assert [query.partition("&")[2] for query in asked] == [
        f"pageNo={number}&numOfRows=2" for number in (1, 2, 3)
    ]


async def test_no_more_pages_are_asked_than_configured() -> None:
    pages = (xml_page(99, number, number + 1) for number in (1, 3, 5, 7))
    ids, total, asked = await fetch(XML_API, *pages)
    assert (len(ids), total, len(asked)) == (6, 99, 3)


@pytest.mark.parametrize("second", [xml_page(99, 3), xml_page(99)], ids=["short", "empty"])
async def test_a_short_or_empty_page_is_the_last_whatever_the_total(second: Recorded) -> None:
    _, total, asked = await fetch(XML_API, xml_page(99, 1, 2), second)
    assert (total, len(asked)) == (99, 2)


async def test_a_page_that_fails_fails_the_whole() -> None:
    async with source_of(XML_API, xml_page(5, 1, 2), said("", 503)) as (source, _):
        with pytest.raises(UpstreamError) as caught:
            await source.fetch(Query("가게"))
    assert caught.value.kind is Kind.TRANSIENT


async def test_a_cursor_is_followed_until_there_is_none() -> None:
    config = read("""
request:
  url: /works
  params: {cursor: "{cursor:*}"}
  pages: {size: 1, max: 9, cursor: next}
response: {records: rows, total: total}
""")
    pages = [{"rows": [{"id": 1}], "next": "a+b=="}, {"rows": [{"id": 2}], "next": None}]
    ids, total, asked = await fetch(config, *(said(json.dumps(page)) for page in pages))
    assert (ids, total) == (["1", "2"], 2)
    assert asked == ["cursor=%2A", "cursor=a%2Bb%3D%3D"]
