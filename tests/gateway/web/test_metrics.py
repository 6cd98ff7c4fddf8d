"""/metrics of a gateway that is really served."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import threading
import time

import aiohttp
import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.errors import Kind, UpstreamError
from gateway.access.identity import Scope
from gateway.assembly import Gateway, open_gateway
from gateway.config import Config
from gateway.config.sections import AdminSpec
from gateway.events import (
    BudgetExhausted,
    Embedded,
    Events,
    Failed,
    FetchFailed,
    Responded,
    Served,
    Summarized,
    SummaryFailed,
    SummaryUnread,
    SummaryWasted,
    TierLost,
    TierRead,
    TierReturned,
)
from gateway.invalidations import Invalidations
from gateway.lookup import Lookup
from gateway.web.app import make_app
from gateway.web.server import ADMIN, listening
from storage.sqlite import Sqlite
from tests.gateway.web.test_admission import opened
from tests.serving import served
from tests.waiting import PATIENCE, eventually

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def scraped(client: aiohttp.ClientSession, **headers: str) -> Samples:
    async with client.get("/metrics", headers=headers) as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain; version=")
        text = (await response.read()).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    """Return the sum of the samples of *name* that have *labels*: there is one at least."""
    found = _found(samples, name, labels)
    assert found, f"{name} {labels} is not there"
    return sum(found)


def total(samples: Samples, name: str, **labels: str) -> float:
    """Return the same, 0 where there is none yet."""
    return sum(_found(samples, name, labels))


def _found(samples: Samples, name: str, labels: dict[str, str]) -> list[float]:
    wanted = set(labels.items())
    return [number for (each, had), number in samples.items() if each == name and wanted <= had]


async def ask(client: aiohttp.ClientSession, q: str = "aspirin", **headers: str) -> None:
    params = {"source": "medicine", "q": q}
    async with client.get("/v1/search", params=params, headers=headers) as response:
        assert response.status in (200, 304)
        await response.read()


async def test_requests_are_counted_by_route_status_and_tier(
    client: aiohttp.ClientSession,
) -> None:
    began = time.perf_counter()
    for _ in range(4):
        await ask(client)
    async with client.get("/v1/nothing") as response:
        assert response.status == 404
    answers = {"source": "medicine", "outcome": "hit", "tier": "memory"}

    async def told() -> bool:
        # Hits that are answered before aiohttp parses them are told a moment later.
        return total(await scraped(client), "lookup_answers_total", **answers) == 3

    await eventually(told)
    samples = await scraped(client)
    assert value(samples, "lookup_http_requests_total", status="200", tier="memory") == 3
    assert value(samples, "lookup_http_requests_total", route="/v1/search", tier="upstream") == 1
    assert value(samples, "lookup_http_requests_total", route="unknown", status="404") == 1
    seconds = "lookup_http_request_duration_seconds"
    assert value(samples, f"{seconds}_count", route="/v1/search", tier="memory") == 3
    assert value(samples, f"{seconds}_bucket", route="/v1/search", tier="upstream", le="+Inf") == 1
    took = value(samples, f"{seconds}_sum", route="/v1/search", tier="memory")
    assert 0 < took < time.perf_counter() - began
    assert value(samples, "lookup_tier_reads_total", tier="memory", result="hit") == 3
    assert value(samples, "lookup_tier_reads_total", tier="database", result="miss") == 1
    assert value(samples, "lookup_answers_total", **answers) == 3
    assert value(samples, "lookup_answer_age_seconds_count", source="medicine") == 4
    assert value(samples, "lookup_upstream_calls_total", source="medicine", result="ok") == 1
    assert value(samples, "lookup_summaries_total", source="medicine", outcome="written") == 1
    assert value(samples, "lookup_http_request_database_queries_sum", route="/v1/search") >= 2


async def test_what_is_unchanged_is_counted_as_such(client: aiohttp.ClientSession) -> None:
    await ask(client)
    await ask(client)
    params = {"source": "medicine", "q": "aspirin"}
    async with client.get("/v1/search", params=params) as response:
        tag = response.headers["ETag"]
    await ask(client, **{"If-None-Match": tag})

    async def told() -> bool:
        return total(await scraped(client), "lookup_http_requests_total", status="304") == 1

    await eventually(told)


async def test_states_are_asked_at_the_scrape(
    client: aiohttp.ClientSession, gateway: Gateway
) -> None:
    samples = await scraped(client)
    closed = {"upstream": "medicine", "state": "closed"}
    assert value(samples, "lookup_circuit_state", **closed) == 1
    await gateway.meters["plain"].claim()
    quota = {"source": "plain", "window": "day"}
    for _ in range(5):
        with pytest.raises(UpstreamError), gateway.breakers["medicine"].watch():
            raise UpstreamError(Kind.UPSTREAM_DOWN, "down")
    samples = await scraped(client)
    assert value(samples, "lookup_circuit_state", upstream="medicine", state="open") == 1
    assert value(samples, "lookup_circuit_changes_total", upstream="medicine", state="open") == 1
    assert value(samples, "lookup_quota_limit_calls", **quota) == 1000
    assert value(samples, "lookup_quota_remaining_calls", **quota) == 999
    assert value(samples, "lookup_flights") == 0
    assert value(samples, "lookup_oldest_flight_age_seconds") == 0
    assert value(samples, "lookup_tier_max_bytes", tier="memory") == 256 << 20
    assert value(samples, "lookup_tier_up", tier="database") == 1
    assert value(samples, "lookup_invalidation_lag_seconds") < 60
    assert value(samples, "lookup_invalidation_position") == 0
    assert value(samples, "process_resident_memory_bytes") > 1e6
    async with client.get("/v1/search", params={"source": "plain", "q": "a"}) as response:
        assert response.status == 200
    samples = await scraped(client)
    assert value(samples, "lookup_tier_entries", tier="memory") == 1
    assert value(samples, "lookup_database_query_duration_seconds_count", operation="select") > 0


@pytest.fixture
def no_follower(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks by himself for what was withdrawn, which is a job every few milliseconds."""

    async def idle(_self: Invalidations) -> None:
        """Look for nothing."""

    monkeypatch.setattr(Invalidations, "_follow", idle)


@pytest.mark.usefixtures("no_follower")
async def test_jobs_that_wait_for_a_thread_of_the_database_are_told(
    client: aiohttp.ClientSession, gateway: Gateway
) -> None:
    tier = gateway.observing._database
    assert tier is not None
    assert isinstance(tier.database, Sqlite)
    held, go_on = threading.Event(), threading.Event()

    def hold(_connection: sqlite3.Connection) -> bool:
        held.set()
        return go_on.wait(PATIENCE)

    async def waiting() -> float:
        return value(await scraped(client), "lookup_database_queued_jobs", thread="read")

    holding = tier.database.read(hold)
    await eventually(held.is_set)
    assert await waiting() == 0
    jobs = [tier.database.read(lambda _: "done") for _ in range(3)]
    assert await waiting() == 3
    go_on.set()
    assert await asyncio.gather(holding, *jobs) == [True, "done", "done", "done"]
    assert await waiting() == 0


async def test_tokens_and_money_are_counted_by_class_of_tenant(
    client: aiohttp.ClientSession, gateway: Gateway
) -> None:
    key = Lookup("medicine", "aspirin", tenant="somebody").key
    model = gateway.config.llm.model
    emit = gateway.events.emit
    emit(Summarized("medicine", key, f"openai:{model}", 1.0, 10, 3, 4, model, 0.25))
    emit(SummaryWasted("medicine", key, model, "truncated", 7, 1, None, 0.5))
    emit(Embedded("medicine", key, model, 0.1, 3, 0.125))
    emit(Embedded("medicine", key, model, 0.1, 2, 0.125, "malformed"))
    emit(SummaryUnread("medicine", key, model, 0.25))
    emit(SummaryFailed("medicine", key, "truncated", "x", 1.0))
    emit(Summarized("medicine", key, "openai:x", 1.0, None, None, None, "someone-elses", None))
    emit(Served("medicine", key, "hit", "memory", 0.1, model, 0.25, count=4))
    emit(BudgetExhausted("day", "bulk"))
    samples = await scraped(client)
    labels = {"source": "medicine", "model": model, "tenant_class": "other"}
    assert value(samples, "lookup_llm_spent_micro_usd_total", **labels) == 1_000_000
    assert value(samples, "lookup_llm_wasted_micro_usd_total", **labels) == 875_000
    assert value(samples, "lookup_llm_saved_micro_usd_total", **labels) == 1_000_000
    assert value(samples, "lookup_llm_tokens_total", type="prompt", **labels) == 22
    assert value(samples, "lookup_llm_tokens_total", type="cached", **labels) == 4
    assert value(samples, "lookup_llm_unpriced_calls_total", model="other") == 1
    assert value(samples, "lookup_summaries_total", outcome="failed", reason="truncated") == 1
    assert value(samples, "lookup_budget_exhaustions_total", scope="day", priority="bulk") == 1


async def test_a_lost_tier_is_down_until_it_returns(
    client: aiohttp.ClientSession, gateway: Gateway
) -> None:
    gateway.events.emit(TierLost("database", "gone"))
    assert value(await scraped(client), "lookup_tier_up", tier="database") == 0
    gateway.events.emit(TierReturned("database"))
    assert value(await scraped(client), "lookup_tier_up", tier="database") == 1


async def test_whatever_is_asked_there_are_no_more_series(
    client: aiohttp.ClientSession, gateway: Gateway
) -> None:
    await ask(client)
    await ask(client)
    for number in range(60):
        params = {"source": f"source-{number}", "q": f"planted-{number}"}
        for path in ("/v1/search", f"/v1/planted-{number}", f"/pages/planted-{number}"):
            async with client.get(path, params=params) as response:
                assert response.status >= 400
        async with client.request(f"PLANTED{number}", "/v1/search") as response:
            assert response.status >= 400
    before = set(await scraped(client))
    emit = gateway.events.emit
    for number in range(10_000):
        planted = f"planted-{number}"
        key = Lookup(planted, planted, tenant=planted).key
        emit(Served(planted, key, "hit", "memory", 0.1, planted, 0.1, tenant=planted))
        emit(Failed(planted, key, "timeout", 0.1))
        emit(FetchFailed(planted, key, "timeout", planted, 0.1))
        emit(Summarized(planted, key, planted, 0.1, 1, 1, 0, planted, 0.1))
        emit(SummaryFailed(planted, key, planted, planted, 0.1))
        emit(TierRead("memory", True, 0.1))
    after = set(await scraped(client))
    assert "planted-1" not in str(before)
    grown = {name for name, _ in after - before}
    assert len(after - before) < 250, grown
    assert len({had for name, had in after if name == "lookup_summaries_total"}) < 60


async def test_a_listener_that_counts_costs_a_hit_nothing_to_speak_of(gateway: Gateway) -> None:
    counts, events = gateway.observing.counts, Events(gateway.observing.counts)
    event = Responded("/v1/search", "GET", 200, "memory", 1e-5, count=7)
    events.emit(event)
    assert counts.responses["/v1/search", "GET", "200", "memory"] == 7


async def test_openmetrics_is_given_to_who_asks_for_it(client: aiohttp.ClientSession) -> None:
    wanted = {"Accept": "application/openmetrics-text; version=1.0.0"}
    async with client.get("/metrics", headers=wanted) as response:
        assert response.headers["Content-Type"].startswith("application/openmetrics-text")
        assert (await response.text()).endswith("# EOF\n")


async def test_names_follow_prometheus_conventions(client: aiohttp.ClientSession) -> None:
    async with client.get("/metrics") as response:
        text = await response.text()
    for family in text_string_to_metric_families(text):
        assert re.fullmatch(r"[a-z][a-z0-9_]*", family.name), family.name
        assert family.documentation, family.name
        if family.type == "counter":
            assert f"{family.name}_total" in text, family.name
        else:
            assert not family.name.endswith("_total"), family.name


async def test_metrics_need_the_scope_stats(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.access.keyring.MISSES", 0.0)
    async with opened(config) as door:
        assert await door.status("GET", "/metrics") == 401
        assert await door.status("GET", "/metrics", headers=await door.key()) == 403
        shown = await door.key(scopes=frozenset({Scope.STATS}))
        assert await door.status("GET", "/metrics", headers=shown) == 200


async def test_operators_can_have_a_port_of_their_own(config: Config) -> None:
    section = msgspec.structs.replace(config.server, admin=AdminSpec(port=0))
    async with open_gateway(msgspec.structs.replace(config, server=section)) as gateway:
        app = make_app(gateway)
        async with (
            listening(app, "127.0.0.1", 0) as public,
            listening(app[ADMIN], "127.0.0.1", 0) as private,
            aiohttp.ClientSession() as http,
        ):
            told = {}
            for path in ("/metrics", "/v1/stats", "/dashboard", "/v1/search", "/healthz"):
                for name, (host, port) in (("public", public), ("private", private)):
                    url = f"http://{host}:{port}{path}?source=plain&q=a"
                    async with http.get(url) as response:
                        told[path, name] = response.status == 404
    assert told == {
        ("/metrics", "public"): True,
        ("/metrics", "private"): False,
        ("/v1/stats", "public"): True,
        ("/v1/stats", "private"): False,
        ("/dashboard", "public"): True,
        ("/dashboard", "private"): False,
        ("/v1/search", "public"): False,
        ("/v1/search", "private"): False,  # the dashboard looks things up
        ("/healthz", "public"): False,
        ("/healthz", "private"): False,
    }


async def test_a_public_admin_address_lets_nobody_in_by_accident(config: Config) -> None:
    admin = AdminSpec(host="0.0.0.0", port=0)
    section = msgspec.structs.replace(config.server, admin=admin)
    with pytest.raises(Exception, match=r"0\.0\.0\.0 is a public address"):
        async with open_gateway(msgspec.structs.replace(config, server=section)):
            pass


async def test_two_gateways_do_not_share_their_metrics(config: Config) -> None:
    memory = msgspec.structs.replace(config.database, url="sqlite+aiosqlite:///:memory:")
    other = msgspec.structs.replace(config, database=memory)
    async with (
        open_gateway(config) as one,
        open_gateway(other) as two,
        served(one) as first,
        served(two) as second,
    ):
        await ask(first)
        assert value(await scraped(first), "lookup_answers_total") == 1
        with pytest.raises(AssertionError, match="is not there"):
            value(await scraped(second), "lookup_answers_total")
