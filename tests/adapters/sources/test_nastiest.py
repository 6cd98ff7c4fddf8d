"""The ten nastiest real failures of public APIs, each with what it does to the guard around it.

(The tenth, models that lie politely, is in tests/gateway/web/test_lying_models.py.)
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from adapters.breaker import Breaker
from adapters.errors import Kind, UpstreamError
from adapters.guard import Guarded
from adapters.source import Query
from adapters.sources.limits import LimitsSpec, QuotaSpec
from tests.catalog_answers import section
from tests.clocks import ManualClock
from tests.recordings import Recorded, Upstream, recorded, said, source_of

MIDNIGHT = 1_795_273_200.0
"""2026-11-22 00:00 in Seoul."""
DAY = QuotaSpec(limit=10_000, per="day", window="calendar", zone="Asia/Seoul")


@dataclass
class World:
    source: Guarded
    upstream: Upstream
    clock: ManualClock

    async def kind_of(self, query: Query) -> Kind:
        with pytest.raises(UpstreamError) as caught:
            await self.source.fetch(query)
        assert "secret" not in caught.value.message
        return caught.value.kind


@asynccontextmanager
async def world(name: str, *answers: Recorded) -> AsyncIterator[World]:
    """Give a guarded source of the catalog in front of a stub."""
    async with source_of(section(name), *answers) as (source, upstream):
        clock = ManualClock(MIDNIGHT - 3600)

        async def sleep(seconds: float) -> None:
            clock.advance(seconds)

        breaker = Breaker(name, 5, 60, clock=clock, on_change=lambda *change: None)
        limits = LimitsSpec(quotas=(DAY,), retries=2)
        yield World(Guarded(source, limits, breaker, clock=clock, sleep=sleep), upstream, clock)


DRUG = Query("타이레놀")


async def test_1_a_double_encoded_key_is_our_fault_and_is_not_tried_again() -> None:
    answer = recorded("datagokr/gateway_30_service_key_not_registered.http200.xml")
    async with world("drug-permit", answer) as made:
        assert await made.kind_of(DRUG) is Kind.AUTH_CONFIG
        assert len(made.upstream.requests) == 1
        assert "%25" not in made.upstream.query


@pytest.mark.parametrize(
    "answer",
    [
        said("API token quota exceeded", 429),
        recorded("datagokr/gateway_22_limited_number_of_requests.http200.xml"),
    ],
)
async def test_2_a_spent_quota_is_latched_until_midnight_in_seoul(answer: Recorded) -> None:
    empty = recorded("datagokr/mfds_no_result_envelope.json")
    async with world("drug-permit", answer, empty) as made:
        assert await made.kind_of(DRUG) is Kind.QUOTA_DAY
        made.clock.now = MIDNIGHT - 1
        with pytest.raises(UpstreamError) as caught:
            await made.source.fetch(DRUG)
        assert caught.value.retry_after == 1
        assert len(made.upstream.requests) == 1
        assert made.source.breaker.state == "closed"
        made.clock.now = MIDNIGHT
        assert (await made.source.fetch(DRUG)).total == 0


async def test_3_seven_rows_that_are_not_there_are_malformed() -> None:
    lie = {"header": {"resultCode": "00"}, "body": {"totalCount": 7}}
    async with world("drug-permit", said(json.dumps(lie))) as made:
        assert await made.kind_of(DRUG) is Kind.MALFORMED
        assert len(made.upstream.requests) == 1


async def test_4_somebody_elses_record_is_malformed() -> None:
    async with world("drug-permit-detail", recorded("drug_other/permission_detail.json")) as made:
        assert await made.kind_of(Query("", {"id": "199303108"})) is Kind.MALFORMED


async def test_4_a_whole_country_is_no_answer_to_a_search() -> None:
    body = json.loads(recorded("drug_other/permission.json").body)
    body["body"]["totalCount"] = 43_064
    async with world("drug-permit", said(json.dumps(body))) as made:
        assert await made.kind_of(DRUG) is Kind.MALFORMED


async def test_5_a_wrong_operation_and_a_wrong_service_say_so() -> None:
    for body, status, word in (
        ("API not found", 404, "operation"),
        ("Unexpected errors", 500, "service path"),
    ):
        async with world("drug-permit", said(body, status)) as made:
            with pytest.raises(UpstreamError) as caught:
                await made.source.fetch(DRUG)
            assert caught.value.kind is Kind.MISCONFIGURED
            assert word in caught.value.message
            assert len(made.upstream.requests) == 1


async def test_6_a_phrase_reaches_openfda_as_one_phrase() -> None:
    async with world("drug-ndc", recorded("openfda/http_404_03.recording.json")) as made:
        assert (await made.source.fetch(Query('tylenol "extra" strength\\'))).total == 0
        phrase = r'"tylenol \"extra\" strength\\"'
        wanted = f"(brand_name:{phrase} generic_name:{phrase})"
        assert made.upstream.requests[-1].query["search"] == wanted


async def test_6_a_500_for_a_bad_query_is_not_tried_again_and_opens_nothing() -> None:
    async with world("drug-ndc", recorded("openfda/http_500_05.recording.json")) as made:
        for _ in range(6):
            assert await made.kind_of(Query("x")) is Kind.INVALID_INPUT
        assert len(made.upstream.requests) == 6
        assert made.source.breaker.state == "closed"


@pytest.mark.parametrize(
    ("name", "query", "answer", "kind"),
    [
        ("naver-local", DRUG, said('{"error_code": "052"}'), Kind.MISCONFIGURED),
        ("seoul-trade-areas", Query("", {"quarter": "20241"}),
         said("<RESULT><CODE>INFO-100</CODE></RESULT>"), Kind.AUTH_CONFIG),
        ("world-bank", Query("", {"countries": "all", "indicator": "x", "years": "2000"}),
         recorded("others/world_bank_error.json"), Kind.INVALID_INPUT),
        ("nominatim", DRUG, said('{"error": "Unable to geocode"}'), Kind.INVALID_INPUT),
    ],
)  # fmt: skip
async def test_7_a_failure_under_a_good_status_is_a_failure(
    name: str, query: Query, answer: Recorded, kind: Kind
) -> None:
    async with world(name, answer) as made:
        assert await made.kind_of(query) is kind
        assert len(made.upstream.requests) == 1


async def test_8_ncbi_under_load_is_tried_again_until_it_answers_in_part() -> None:
    echo = '{"error": "API rate limit exceeded", "api-key": "secret-1234", "limit": "3"}'
    partial = {
        "result": {"uids": [], "7": {"title": "a"}, "8": {"error": "x"}, "9": {"title": "b"}}
    }
    page = said("<html><h1>WWW Error 500 Diagnostic</h1></html>", 200, "text/html")
    async with world("pubmed", said(echo, 429), page, said(json.dumps(partial))) as made:
        payload = await made.source.fetch(Query("", {"ids": "7,8,9"}))
        assert [record["id"] for record in payload.records] == ["7", "9"]
        assert len(made.upstream.requests) == 3


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("wikipedia", said("<html>Please set a user-agent</html>", 403, "text/html")),
        ("drug-permit", said("Forbidden", 403)),
        ("nominatim", said(recorded("others/nominatim_over_limit.html").body, 200, "text/html")),
    ],
)
async def test_9_a_block_is_no_retry_storm_and_opens_the_circuit(
    name: str, answer: Recorded
) -> None:
    async with world(name, answer) as made:
        for _ in range(5):
            assert await made.kind_of(DRUG) in (Kind.AUTH_CONFIG, Kind.NOT_APPROVED)
        assert await made.kind_of(DRUG) is Kind.CIRCUIT_OPEN
        assert len(made.upstream.requests) == 5
        assert "python" not in made.upstream.requests[0].headers["User-Agent"].lower()
