"""What is wrong with a source is said when it is built, with its path."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.errors import Kind, UpstreamError
from adapters.source import Query
from adapters.sources.requests import Asker
from adapters.sources.spec import RequestSpec, SpecError
from tests.recordings import NOW, read, said, source_of


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ("request: {url: /a}\nresponse: {fields: {name: 'a['}}", "response.fields.name"),
        ("request: {url: /a}\nresponse: {fields: {name: {path: 'f(x)('}}}", "response.fields.name"),
        ("request: {url: /a}\nresponse: {records: 'a..b'}", "response.records"),
        ("request: {url: /a}\nresponse: {total: '['}", "response.total"),
        ("request: {url: /a}\nresponse: {id: '}'}", "response.id"),
        ("request: {url: /a}\nresponse: {envelope: ['@', 'a b']}", "response.envelope[1]"),
        ("request: {url: /a}\nresponse: {success: {path: '!!('}}", "response.success.path"),
        ("request: {url: /a}\nresponse: {errors: [nobody]}", "response.errors[0]"),
        ("request: {url: /a}\nresponse: {errors: [../x]}", "response.errors[0]"),
        ("request: {url: /a}\nresponse: {errors: [{kind: empty}]}", "response.errors[0]"),
        (
            "request: {url: /a}\nresponse: {errors: [{kind: empty, body: '('}]}",
            "response.errors[0].body",
        ),
        (
            "request: {url: /a}\nresponse: {errors: [{kind: empty, status: [1], equals: [a]}]}",
            "response.errors[0]",
        ),
        ("request: {url: /a}\nresponse: {id_is: nobody}", "response.id_is"),
        ("request: {url: /a}\nresponse: {keep: {id: nobody}}", "response.keep.id"),
        ("request: {url: /a}\nresponse: {keep: {nothing: q}}", "response.keep.nothing"),
        ("request: {url: /a, pages: {cursor: '('}}", "request.pages.cursor"),
        ("request: {url: /a, pages: {next: '('}}", "request.pages.next"),
        ("request: {url: /a, pages: {more: '('}}", "request.pages.more"),
        ("request: {url: '/{nobody}'}", "request.url"),
        ("request: {url: /a, params: {x: '{q|loud}'}}", "request.params.x"),
        ("request: {url: /a, params: {x: '{q'}}", "request.params.x"),
        ("request: {url: /a, headers: {X-Y: '{key}'}}", "request.headers.X-Y"),
        ("request: {url: /a, auth: {in: query, key: abcdefg}}", "request.auth.name"),
        (
            "request: {url: /a, auth: {name: k, key: 'a%2Bb', form: decoded}}",
            "request.auth.key",
        ),
        ("request: {url: /a, valid_until: soon}", "request.valid_until"),
        ("request: {url: /a, valid_from: soon}", "request.valid_from"),
        ("request: {url: /a}\nparams: {x: {pattern: '('}}", "params.x.pattern"),
    ],
)
async def test_a_wrong_expression_is_an_error_of_the_configuration(config: str, path: str) -> None:
    with pytest.raises(SpecError) as caught:
        async with source_of(read(config), said("[]")):
            pass
    assert caught.value.path == path
    assert caught.value.message


@pytest.mark.parametrize("url", ["ftp://example.org/a", "http://exa℀mple.org/a"])
def test_what_is_no_address_is_told_before_anybody_asks(url: str) -> None:
    with pytest.raises(SpecError) as caught:
        Asker(RequestSpec(url=url), {})
    assert caught.value.path == "request.url"


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://example.org:81", "http://example.org:81/?n=1&q=a%20b"),
        ("https://example.org/x/y", "https://example.org/x/y?n=1&q=a%20b"),
        ("https://example.org/x?y=2", "https://example.org/x?y=2&n=1&q=a%20b"),
        ("https://example.org/{q}", "https://example.org/a%20b?n=1&q=a%20b"),
    ],
)
def test_parameters_stand_behind_whatever_address_is_configured(url: str, asked: str) -> None:
    asker = Asker(RequestSpec(url=url, params={"n": "1", "q": "{q}"}), {})
    for _ in range(2):
        assert str(asker.build(Query("a b")).url) == asked


async def refusal(config: dict[str, Any], query: Query) -> UpstreamError:
    async with source_of(config, said("[]")) as (source, stub):
        with pytest.raises(UpstreamError) as caught:
            await source.fetch(query)
    assert not stub.requests
    return caught.value


async def test_what_a_url_needs_and_nobody_gave_is_named() -> None:
    error = await refusal(read("request: {url: '/name/{q}'}"), Query(""))
    assert error.kind is Kind.INVALID_INPUT
    assert "'q'" in error.message


@pytest.mark.parametrize("text", [".", ".."])
async def test_a_path_cannot_be_climbed(text: str) -> None:
    error = await refusal(read("request: {url: '/name/{q}/rows'}"), Query(text))
    assert error.kind is Kind.INVALID_INPUT


async def test_a_slash_stays_in_its_segment() -> None:
    async with source_of(read("request: {url: '/name/{q}'}"), said("[]")) as (source, stub):
        await source.fetch(Query("../../etc?x=1#y"))
    assert stub.raw == "/name/..%2F..%2Fetc%3Fx%3D1%23y"


async def test_before_its_first_day_nobody_is_asked() -> None:
    text = "request: {url: /a, valid_from: '$DAY'}"
    async with source_of(read(text, DAY="2026-01-01"), said("[]")) as (source, _):
        assert (await source.fetch(Query("x"))).total == 0
    error = await refusal(read(text, DAY="2099-01-01"), Query("x"))
    assert error.kind is Kind.MISCONFIGURED
    assert "2099-01-01" in error.message


async def test_after_its_last_day_nobody_is_asked_and_the_successor_is_named() -> None:
    today = datetime.fromtimestamp(NOW, UTC).date().isoformat()
    text = "request: {url: /a, valid_until: '$DAY', successor: naver-hub}"
    async with source_of(read(text, DAY=today), said("[]")) as (source, _):
        assert (await source.fetch(Query("x"))).total == 0
    error = await refusal(read(text, DAY="2026-01-01"), Query("x"))
    assert error.kind is Kind.MISCONFIGURED
    assert "naver-hub" in error.message
