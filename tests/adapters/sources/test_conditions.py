from __future__ import annotations

import aiohttp
import msgspec
import pytest

from adapters.errors import UpstreamError
from adapters.source import Payload, Query
from adapters.sources.conditions import Conditions
from adapters.sources.declarative import DeclarativeSource
from adapters.sources.spec import AuthSpec, PagesSpec, RequestSpec, ResponseSpec, TermsSpec
from tests.stub_upstream import Reply, StubUpstream

TAGGED = {"ETag": '"7"', "Last-Modified": "Sat, 21 Nov 2026 10:00:00 GMT"}
RESPONSE = ResponseSpec(format="json", records="items", total="total", id="id")


def request(url: str = "http://127.0.0.1/items", **more: object) -> RequestSpec:
    spec = RequestSpec(url=url, params={"q": "{q}"}, allow_private=True)
    return msgspec.structs.replace(spec, **more)


async def fetch(
    upstream: StubUpstream, validator: str = "", response: ResponseSpec = RESPONSE
) -> Payload:
    async with aiohttp.ClientSession() as session:
        asked = request(f"{upstream.url}/items")
        source = DeclarativeSource("s", asked, response, TermsSpec(), session, lambda: 1000.0)
        return await source.fetch(Query("one", validator=validator))


async def test_an_unchanged_answer_is_asked_about_and_costs_no_byte() -> None:
    async with StubUpstream() as upstream:
        upstream.script(Reply(headers=TAGGED), Reply(status=304, body=b""))
        first = await fetch(upstream)
        again = await fetch(upstream, first.validator)
        assert "If-None-Match" not in upstream.calls[0].headers
        assert upstream.calls[1].headers["If-None-Match"] == '"7"'
        assert upstream.calls[1].headers["If-Modified-Since"] == TAGGED["Last-Modified"]
        assert (again.unchanged, again.records, again.at) == (True, (), 1000.0)


async def test_a_changed_answer_is_read_and_has_a_new_validator() -> None:
    async with StubUpstream() as upstream:
        upstream.script(Reply(headers=TAGGED), Reply(headers={"ETag": '"8"'}))
        first = await fetch(upstream)
        again = await fetch(upstream, first.validator)
        assert not again.unchanged
        assert len(again.records) == 1
        assert again.validator != first.validator


async def test_an_upstream_without_validators_is_asked_plainly() -> None:
    async with StubUpstream() as upstream:
        assert (await fetch(upstream)).validator == ""


async def test_after_the_configuration_changed_nothing_old_is_renewed() -> None:
    async with StubUpstream() as upstream:
        upstream.script(Reply(headers=TAGGED))
        first = await fetch(upstream)
        other = msgspec.structs.replace(RESPONSE, fields={"use": "use"})
        assert not (await fetch(upstream, first.validator, other)).unchanged
        assert "If-None-Match" not in upstream.calls[1].headers


async def test_a_304_that_nobody_asked_for_is_no_answer() -> None:
    async with StubUpstream() as upstream:
        upstream.script(Reply(status=304, body=b""))
        with pytest.raises(UpstreamError):
            await fetch(upstream)


def test_several_pages_have_no_validator() -> None:
    paged = Conditions(request(pages=PagesSpec(max=2)), RESPONSE)
    assert paged.validator(TAGGED) == ""


def test_a_validator_says_nothing_of_the_key_and_holds_for_another() -> None:
    one = Conditions(request(auth=AuthSpec(name="key", key="secret")), RESPONSE)
    assert one.validator(TAGGED) == Conditions(request(), RESPONSE).validator(TAGGED)


@pytest.mark.parametrize("validator", ["", "x", "a\nb", "a\nb\nc\nd", "\n\n"])
def test_what_is_no_validator_asks_nothing(validator: str) -> None:
    assert Conditions(request(), RESPONSE).headers(validator) == {}


def test_a_tag_without_end_is_not_remembered() -> None:
    assert Conditions(request(), RESPONSE).validator({"ETag": "x" * 600}) == ""
