"""Quotas and circuits of two gateways over one Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.errors import Kind, UpstreamError
from gateway.assembly import Gateway
from gateway.events import CircuitChanged, Event, Events
from tests.gateway.fleet.fleet import ask, gateways
from tests.servers.valkey import Valkey
from tests.stub_upstream import Reply, StubUpstream

RECORD = {"id": "1", "name": "Aspirin", "use": "Against pain."}


@pytest.fixture
async def upstream() -> AsyncIterator[StubUpstream]:
    async with StubUpstream(Reply(records=[RECORD])) as stub:
        yield stub


async def kind_of(gateway: Gateway, q: str) -> Kind | None:
    try:
        await ask(gateway, q)
    except UpstreamError as error:
        return error.kind
    return None


async def test_a_quota_is_respected_across_replicas(
    tmp_path: Path, upstream: StubUpstream, valkey_server: Valkey
) -> None:
    quota = {"limit": 10, "per": "day", "window": "calendar"}
    more = {"limits": {"retries": 0, "quotas": [quota]}}
    async with gateways(tmp_path, upstream, valkey_server.url, 2, more=more) as two:
        kinds = [await kind_of(two[n % 2], f"q{n}") for n in range(14)]
    assert kinds == [None] * 10 + [Kind.QUOTA_DAY] * 4
    assert upstream.count == 10


async def test_a_circuit_that_opens_here_is_open_there_and_closes_with_it(
    tmp_path: Path, upstream: StubUpstream, valkey_server: Valkey
) -> None:
    seen: list[Event] = []
    events = Events(seen.append)
    more = {"limits": {"retries": 0, "breaker": {"failures": 3, "reset": "2s"}}}
    upstream.default = Reply(status=500)
    async with (
        asyncio.timeout(50),
        gateways(tmp_path, upstream, valkey_server.url, 2, events=events, more=more) as (one, two),
    ):
        for n in range(3):
            assert await kind_of(one, f"q{n}") is Kind.TRANSIENT
        while two.breakers["s"].state != "open":
            await asyncio.sleep(0.005)
        assert await kind_of(two, "q4") is Kind.CIRCUIT_OPEN
        assert upstream.count == 3
        upstream.default = Reply(records=[RECORD])
        while await kind_of(one, "q5") is not None:
            await asyncio.sleep(0.02)
        while two.breakers["s"].state != "closed":
            await asyncio.sleep(0.005)
        assert await kind_of(two, "q6") is None
    changes = [event.after for event in seen if isinstance(event, CircuitChanged)]
    assert changes == ["open", "half-open", "closed"]
