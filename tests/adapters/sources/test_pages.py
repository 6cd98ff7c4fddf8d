from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.errors import Kind, UpstreamError
from adapters.source import Query
from adapters.sources.reader import next_link
from tests.recordings import NOW, Recorded, read, said, source_of

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


LINKED = """
request:
  url: /works
  params: {q: "{q}"}
  auth: {in: query, name: api_key, key: "secret+1234"}
  pages: {max: 5, next: link}
response: {records: rows}
"""


def linked(number: int, link: str) -> Recorded:
    body = json.dumps({"rows": [{"id": number}]}).encode()
    return Recorded(body, headers={"Link": link} if link else {})


async def test_the_link_header_is_followed_with_the_key_and_never_with_two() -> None:
    ids, _, asked = await fetch(
        read(LINKED),
        linked(1, '</works?q=x&page=2&api_key=REDACTED>; rel="next", </works>; rel="first"'),
        linked(2, "</works?q=a%20b&page=3>; rel=next"),
        linked(3, '</works?page=1>; rel="first prev"'),
    )
    assert ids == ["1", "2", "3"]
    assert asked[1:] == [
        "q=x&page=2&api_key=secret%2B1234",
        "q=a%20b&page=3&api_key=secret%2B1234",
    ]


@pytest.mark.parametrize(
    "link",
    ["<http://169.254.169.254/meta>; rel=next", "<//evil.example/>; rel=next",
     "<http://[broken>; rel=next", "<ftp:x>; rel=next"],
)  # fmt: skip
async def test_no_link_leads_to_another_host(link: str) -> None:
    async with source_of(read(LINKED), linked(1, link)) as (source, stub):
        with pytest.raises(UpstreamError) as caught:
            await source.fetch(Query("x"))
    assert caught.value.kind is Kind.MALFORMED
    assert len(stub.requests) == 1


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ('<a>; rel="prev", <b,c>; title="x;y, z"; rel="next last"', "b,c"),
        ("<a>; REL=next", "a"),
        ('<a>; rel="nextish"', ""),
        ("a; rel=next", ""),
        ("", ""),
    ],
)
def test_a_link_header_is_read_as_rfc_8288_has_it(header: str, target: str) -> None:
    assert next_link(header) == target


async def test_pages_end_when_the_upstream_says_so_though_they_are_full() -> None:
    config = read("""
request: {url: /p, params: {page: "{page}"}, pages: {size: 1, max: 9, more: "!(meta.is_end)"}}
response: {records: rows}
""")
    pages = [{"rows": [{"id": n}], "meta": {"is_end": n == 3}} for n in (1, 2, 3)]
    ids, _, asked = await fetch(config, *(said(json.dumps(page)) for page in pages))
    assert (ids, len(asked)) == (["1", "2", "3"], 3)


async def test_a_row_that_is_left_out_does_not_make_its_page_short() -> None:
    config = read("""
request: {url: /p, params: {page: "{page}"}, pages: {size: 2, max: 2}}
response: {records: rows, total: total, skip: hidden}
""")
    first = {"rows": [{"id": 1}, {"id": 2, "hidden": True}], "total": 3}
    last = {"rows": [{"id": 3}], "total": 3}
    ids, total, _ = await fetch(config, said(json.dumps(first)), said(json.dumps(last)))
    assert (ids, total) == (["1", "3"], 3)


async def test_a_record_that_pages_share_is_told_once() -> None:
    ids, _, asked = await fetch(XML_API, xml_page(9, 1, 2), xml_page(9, 2, 3), xml_page(9, 4))
    assert (ids, len(asked)) == (["1", "2", "3", "4"], 3)


async def test_rows_of_others_are_left_out_but_never_taken_for_no_match() -> None:
    config = read("""
params: {area: {}}
request: {url: /p, pages: {size: 2, max: 2}, params: {page: "{page}"}}
response: {records: rows, total: total, keep: {area: area}, fields: {area: area}}
""")
    first = {"rows": [{"id": 1, "area": "a"}, {"id": 2, "area": "b"}], "total": 3}
    last = {"rows": [{"id": 3, "area": 7}], "total": 3}
    answers = [said(json.dumps(page)) for page in (first, last)]
    async with source_of(config, *answers) as (source, _):
        payload = await source.fetch(Query("", {"area": "7"}))
    assert ([record["id"] for record in payload.records], payload.total) == (["3"], 1)
    async with source_of(config, *answers) as (source, _):
        assert (await source.fetch(Query("", {}))).total == 3
    first["total"] = 99
    async with source_of(config, said(json.dumps(first)), answers[1]) as (source, _):
        with pytest.raises(UpstreamError) as caught:
            await source.fetch(Query("", {"area": "c"}))
    assert caught.value.kind is Kind.MALFORMED


async def test_an_upstream_without_a_call_left_says_for_how_long() -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW) + 40)}
    config = read("request: {url: /p}")
    async with source_of(config, Recorded(b"[]", headers=headers)) as (source, _):
        assert (await source.fetch(Query("x"))).pause == 40
    async with source_of(config, Recorded(b"[]", 429, headers=headers)) as (source, _):
        with pytest.raises(UpstreamError) as caught:
            await source.fetch(Query("x"))
    assert caught.value.retry_after == 40


async def test_its_own_names_for_that_are_a_matter_of_configuration() -> None:
    config = read("""
request:
  url: /p
  limit_headers: {remaining: X-Budget-Left, reset: X-Budget-Reset, unit: ms}
""")
    headers = {"x-budget-left": "0", "x-budget-reset": "2500"}
    async with source_of(config, Recorded(b"[]", headers=headers)) as (source, _):
        assert (await source.fetch(Query("x"))).pause == 2.5


async def test_a_query_may_be_written_in_an_old_charset() -> None:
    config = read('request: {url: "/p/{q}", params: {name: "{q}"}, charset: euc-kr}')
    async with source_of(config, said("[]")) as (source, stub):
        await source.fetch(Query("똠방각하"))
        assert stub.raw == "/p/%8Cc%B9%E6%B0%A2%C7%CF?name=%8Cc%B9%E6%B0%A2%C7%CF"
        with pytest.raises(UpstreamError) as caught:
            await source.fetch(Query("☃"))
    assert caught.value.kind is Kind.INVALID_INPUT
