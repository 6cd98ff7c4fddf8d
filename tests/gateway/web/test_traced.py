"""Traces of a gateway that is really served, at a collector that really takes them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp.test_utils import TestServer

from gateway.assembly import Gateway, open_gateway
from gateway.config import Config
from gateway.events import Embedded, Summarized, SummaryWasted
from gateway.tracing.spec import TelemetrySpec
from gateway.web.traced import UnsampledHits
from tests.collector import Collector
from tests.serving import served
from tests.stub_upstream import Reply, StubUpstream

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
KEPT = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
DROPPED = {"traceparent": f"00-{TRACE}-{PARENT}-00"}


@asynccontextmanager
async def traced(
    config: Config, collector: Collector, **changes: Any
) -> AsyncIterator[tuple[Gateway, aiohttp.ClientSession]]:
    """Serve *config* with traces; they have come to *collector* when the context is left."""
    async with TestServer(collector.app()) as server:
        section = TelemetrySpec(
            endpoint=str(server.make_url("")), headers={"X-Key": "k"}, **{"sample": 0.0, **changes}
        )
        with_traces = msgspec.structs.replace(config, telemetry=section)
        async with open_gateway(with_traces) as gateway, served(gateway) as client:
            yield gateway, client


async def ask(client: aiohttp.ClientSession, **headers: str) -> int:
    params = {"source": "medicine", "q": "planted"}
    async with client.get("/v1/search", params=params, headers=headers) as response:
        await response.read()
        return response.status


def propagating(config: Config) -> Config:
    replace = msgspec.structs.replace
    medicine = config.sources["medicine"]
    assert medicine.request is not None
    told = replace(medicine, request=replace(medicine.request, propagate_trace=True))
    return replace(config, sources={**config.sources, "medicine": told})


async def test_a_request_is_one_trace_from_its_head_to_the_upstream(config: Config) -> None:
    collector = Collector()
    async with traced(config, collector) as (_, client):
        assert await ask(client, **KEPT) == 200
    (server,) = collector.named("GET /v1/search")
    assert (server.trace, server.parent, server.kind) == (TRACE, PARENT, 2)
    assert server.attributes == {
        "http.request.method": "GET",
        "http.route": "/v1/search",
        "http.response.status_code": 200,
        "lookup.source": "medicine",
        "lookup.tenant": "public",
    }
    (call,) = collector.named("GET")
    assert (call.kind, call.attributes["server.address"]) == (3, "127.0.0.1")
    assert call.attributes["http.response.status_code"] == 200
    assert call.attributes["lookup.source"] == "medicine"
    reads = {
        span.name: span.attributes["lookup.hit"] for span in collector.spans if "read" in span.name
    }
    assert reads == {"read memory": False, "read database": False}
    (fetch,) = collector.named("fetch medicine")
    assert fetch.attributes["lookup.records"] == 1
    (summary,) = collector.named("summarize extractive")
    below = [call, fetch, summary, *collector.named("read memory")]
    assert {(span.trace, span.parent) for span in below} == {(TRACE, server.id)}
    assert server.seconds >= fetch.seconds > 0
    assert "planted" not in str(collector.bodies)
    assert collector.keys == {"k"}


async def test_the_upstream_is_told_the_trace_only_where_its_source_says_so(
    config: Config, upstream: StubUpstream
) -> None:
    collector = Collector()
    async with traced(config, collector) as (_, client):
        await ask(client, **KEPT)
    assert "traceparent" not in upstream.calls[0].headers
    memory = msgspec.structs.replace(config.database, url="sqlite+aiosqlite:///:memory:")
    told = msgspec.structs.replace(propagating(config), database=memory)
    async with traced(told, collector) as (_, client):
        await ask(client, **KEPT)
    version, trace, parent, flags = upstream.calls[1].headers["traceparent"].split("-")
    assert (version, trace, flags) == ("00", TRACE, "01")
    assert parent in {span.id for span in collector.named("GET")}


async def test_a_hit_that_its_caller_traces_goes_the_whole_way(config: Config) -> None:
    collector = Collector()
    async with traced(config, collector) as (_, client):
        for headers in ({}, {}, {}, DROPPED, KEPT):
            assert await ask(client, **headers) == 200
    assert len(collector.named("GET /v1/search")) == 1
    (read,) = collector.named("read memory")
    assert read.attributes == {"lookup.tier": "memory", "lookup.hit": True}


async def test_who_has_no_trace_is_drawn(config: Config) -> None:
    collector = Collector()
    async with traced(config, collector, sample=1.0) as (_, client):
        await ask(client)
        await ask(client, **DROPPED)
    (server,) = collector.named("GET /v1/search")
    assert not server.parent


async def test_an_upstream_that_fails_is_a_span_that_failed(
    config: Config, upstream: StubUpstream
) -> None:
    upstream.default = Reply(status=500, body=b"planted")
    collector = Collector()
    async with traced(config, collector) as (_, client):
        assert await ask(client, **KEPT) == 502
    (server,) = collector.named("GET /v1/search")
    (fetch,) = collector.named("fetch medicine")
    assert (server.failed, fetch.failed) == (True, True)
    assert fetch.attributes["error.type"] == "transient"
    await upstream.stop()
    async with traced(config, collector) as (_, client):
        assert await ask(client, **KEPT) == 502
    assert any(
        span.attributes.get("error.type") == "ClientConnectorError" for span in collector.spans
    )
    assert "planted" not in str(collector.bodies)


async def test_a_call_to_a_model_has_the_attributes_of_generative_ai(config: Config) -> None:
    collector = Collector()
    async with traced(config, collector, sample=1.0) as (gateway, _):
        key = "v1:public:medicine:0"
        gateway.events.emit(Summarized("medicine", key, "openai:m", 1.5, 10, 3, 4, "m", 0.25))
        gateway.events.emit(SummaryWasted("medicine", key, "m", "truncated", 7, None, None, None))
        gateway.events.emit(Embedded("medicine", key, "m", 0.5, 8, 0.125))
    good, wasted = collector.named("chat m")
    assert good.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 3,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "lookup.cost_usd": 0.25,
        "lookup.source": "medicine",
    }
    assert (good.kind, wasted.failed) == (3, True)
    [embedded] = collector.named("embeddings m")
    assert embedded.attributes == {
        "gen_ai.operation.name": "embeddings",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": 8,
        "lookup.cost_usd": 0.125,
        "lookup.source": "medicine",
    }
    assert good.seconds == pytest.approx(1.5, abs=0.001)


async def test_a_collector_that_is_away_stops_nobody(config: Config) -> None:
    section = TelemetrySpec(endpoint="http://127.0.0.1:9", sample=1.0)
    away = msgspec.structs.replace(config, telemetry=section)
    async with open_gateway(away) as gateway, served(gateway) as client:
        assert await ask(client) == 200


def test_without_an_endpoint_no_tracing_is_imported() -> None:
    # pybreaker imports redis-py, which imports the metrics of OpenTelemetry if they are there.
    code = (
        "import sys, gateway.web.app, gateway.commands.serve\n"
        "traces = ('opentelemetry.sdk.trace', 'opentelemetry.exporter', 'gateway.tracing.spans')\n"
        "print([name for name in sys.modules if name.startswith(traces)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("line", "passes"),
    [
        (f"traceparent: 00-{TRACE}-{PARENT}-01", False),
        (f"Traceparent:00-{TRACE}-{PARENT}-03", False),
        (f"traceparent: 00-{TRACE}-{PARENT}-00", True),
        ("traceparent: nonsense", True),
        ("x: y", True),
    ],
)
def test_only_who_keeps_a_trace_is_let_through_to_it(line: str, passes: bool) -> None:
    class Hit:
        def reply(self, data: bytes, peer: str) -> bytes:
            return b"hit"

    data = f"GET /v1/search?q=a HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n".encode()
    assert (UnsampledHits(Hit()).reply(data, "") is not None) is passes
