"""How many pages are asked, and that each of them counts; and what an error says of waiting."""

from __future__ import annotations

import json

import pytest

from adapters.errors import Kind, UpstreamError
from adapters.further_calls import counted_by
from adapters.source import Query
from tests.adapters.sources.test_pages import XML_API, fetch, xml_page
from tests.recordings import read, said, source_of

CURSOR = read("""
request:
  url: /works
  params: {cursor: "{cursor:*}"}
  pages: {size: 1, max: 9, cursor: next}
response: {records: rows, total: total}
""")


async def test_each_page_after_the_first_counts_as_a_further_call() -> None:
    counted: list[str] = []

    async def count() -> None:
        counted.append("one more")

    pages = (xml_page(5, 1, 2), xml_page(5, 3, 4), xml_page(5, 5))
    async with source_of(XML_API, *pages) as (source, stub):
        with counted_by(count):
            await source.fetch(Query("가게"))
    assert (len(counted), len(stub.requests)) == (2, 3)


async def test_a_page_that_a_quota_refuses_is_not_asked() -> None:
    async def refuse() -> None:
        raise UpstreamError(Kind.QUOTA_DAY, "spent")

    async with source_of(XML_API, xml_page(5, 1, 2), xml_page(5, 3, 4)) as (source, stub):
        with pytest.raises(UpstreamError), counted_by(refuse):
            await source.fetch(Query("가게"))
    assert len(stub.requests) == 1


async def test_a_full_page_is_the_last_when_it_has_all_there_are() -> None:
    ids, total, asked = await fetch(XML_API, xml_page(2, 1, 2), xml_page(2, 3, 4))
    assert (ids, total, len(asked)) == (["1", "2"], 2, 1)


async def test_an_empty_page_is_the_last_though_it_names_another() -> None:
    pages = [{"rows": [{"id": 1}], "next": "a", "total": 9}, {"rows": [], "next": "a", "total": 9}]
    ids, _, asked = await fetch(CURSOR, *(said(json.dumps(page)) for page in [*pages, *pages]))
    assert (ids, len(asked)) == (["1"], 2)


async def test_a_listing_has_all_pages_however_few_are_configured() -> None:
    pages = [xml_page(8, number, number + 1) for number in (1, 3, 5, 7)]
    async with source_of(XML_API, *pages) as (source, _):
        payload = await source.fetch(Query("가게", whole=True))
    assert [record["id"] for record in payload.records] == [str(n) for n in range(1, 9)]


async def test_records_of_one_id_that_say_other_things_are_two() -> None:
    pages = [{"rows": [{"id": 1, "a": n}], "next": "b" if n == 1 else None} for n in (1, 2)]
    config = CURSOR | {"response": CURSOR["response"] | {"fields": {"a": "a"}}}
    ids, _, _ = await fetch(config, *(said(json.dumps(page)) for page in pages))
    assert ids == ["1", "1"]


async def test_a_rule_says_how_long_to_wait_where_the_upstream_does_not() -> None:
    config = read("""
request: {url: /p}
response:
  errors: [{kind: quota_short, status: [429], retry_after: 7s}]
  records: rows
""")
    async with source_of(config, said("{}", 429)) as (source, _):
        with pytest.raises(UpstreamError) as caught:
            await source.fetch(Query("q"))
    assert (caught.value.kind, caught.value.retry_after) == (Kind.QUOTA_SHORT, 7)


async def test_a_plain_500_is_an_upstream_that_failed() -> None:
    config = read("""
request: {url: /p}
response: {records: rows}
""")
    async with source_of(config, said("{}", 500)) as (source, _):
        with pytest.raises(UpstreamError) as caught:
            await source.fetch(Query("q"))
    assert caught.value.kind is Kind.TRANSIENT


@pytest.mark.parametrize(
    "answer", ['{"rows": ""}', '{"rows": {}}', "{}", '{"rows": [{"id": 1}, {"id": 2}, {"id": 3}]}']
)
async def test_rows_that_are_none_where_some_belong_or_too_many_are_no_answer(answer: str) -> None:
    config = read("""
request: {url: /p}
response: {records: rows, max_total: 2}
""")
    async with source_of(config, said(answer)) as (source, _):
        with pytest.raises(UpstreamError) as caught:
            await source.fetch(Query("q"))
    assert caught.value.kind is Kind.MALFORMED


async def test_rows_by_key_of_which_there_are_none_are_no_match_only_where_that_is_said() -> None:
    config = read("""
request: {url: /p}
response: {records: rows, shape: map, id: _key}
""")
    async with source_of(config, said('{"rows": {}}')) as (source, _):
        with pytest.raises(UpstreamError) as caught:
            await source.fetch(Query("q"))
    assert caught.value.kind is Kind.MALFORMED
    allowed = config | {"response": config["response"] | {"empty": ["object"]}}
    assert await fetch(allowed, said('{"rows": {}}')) == ([], 0, [""])


async def test_columns_of_different_lengths_are_no_answer() -> None:
    config = read("""
request: {url: /p}
response: {records: rows, shape: columns}
""")
    async with source_of(config, said('{"rows": {"id": [1, 2], "name": ["a"]}}')) as (source, _):
        with pytest.raises(UpstreamError) as caught:
            await source.fetch(Query("q"))
    assert caught.value.kind is Kind.MALFORMED


async def test_rows_beyond_what_is_kept_are_cut_off_and_counted() -> None:
    config = read("""
request: {url: /p}
response: {records: rows, total: total, max_records: 2}
""")
    rows = [{"id": number} for number in (1, 2, 3)]
    ids, total, _ = await fetch(config, said(json.dumps({"rows": rows, "total": 3})))
    assert (ids, total) == (["1", "2"], 3)
