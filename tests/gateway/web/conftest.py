"""A gateway that is really served, over a stub upstream that is really asked."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from gateway import logs
from gateway.assembly import Gateway, open_gateway
from gateway.config import Config, load_config
from tests.clocks import ManualClock
from tests.own_logs import logs_as_before
from tests.serving import served
from tests.stub_upstream import StubUpstream, source

FRESHNESS = {
    "ttl": "1h",
    "negative_ttl": "1m",
    "stale_while_revalidate": "2h",
    "stale_if_error": "7d",
    "jitter": 0,
}


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """What the process logs."""
    with logs_as_before():
        stream = io.StringIO()
        logs.configure(stream=stream)
        yield stream


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def config(tmp_path: Path, upstream: StubUpstream) -> Config:
    """Three sources: plain, with parameters of its own, and one that is never summarized."""
    shared: dict[str, Any] = {
        "freshness": FRESHNESS,
        "limits": {"retries": 0, "breaker": {"failures": 5, "reset": "60s"}},
        "terms": {"attribution": "The Stub", "url": "https://stub.example/", "license": "CC0"},
    }
    summary = {"by": "extractive", "language": "en", "roles": {"purpose": ["use"]}}
    near = {
        "radius": {"type": "int", "min": 1, "max": 5000, "default": "500"},
        "city": {"required": True},
    }
    quota = {"limit": 1000, "per": "day", "window": "calendar"}
    metered = {"limits": {**shared["limits"], "quotas": [quota]}}
    document = {
        "database": {"url": f"sqlite+aiosqlite:///{tmp_path / 'web.db'}"},
        "sources": {
            "medicine": source(upstream.url, **shared, summary=summary),
            "pharmacy": source(upstream.url, **shared, params=near, summary={"by": "none"}),
            "plain": source(upstream.url, **shared | metered, summary={"by": "none"}),
        },
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True))
    return load_config(path, {})


@pytest.fixture
async def gateway(config: Config, clock: ManualClock) -> AsyncIterator[Gateway]:
    async with open_gateway(config, clock=clock) as opened:
        yield opened


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[aiohttp.ClientSession]:
    async with served(gateway) as session:
        yield session
