"""Pages of a gateway that is really served, in a Chromium that really runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from gateway.assembly import Gateway, open_gateway
from gateway.config import Config, load_config
from tests.browser.chromium import Browser, chromium
from tests.serving import served
from tests.stub_upstream import StubUpstream, source


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture
def config(tmp_path: Path, upstream: StubUpstream) -> Config:
    quota = {"limit": 1000, "per": "day", "window": "calendar"}
    summary = {"by": "extractive", "language": "en", "roles": {"purpose": ["use"]}}
    document: dict[str, Any] = {
        "database": {"url": f"sqlite+aiosqlite:///{tmp_path / 'browser.db'}"},
        "sources": {
            "medicine": source(upstream.url, summary=summary, limits={"quotas": [quota]}),
            "pharmacy": source(
                upstream.url, params={"city": {"required": True}}, summary={"by": "none"}
            ),
        },
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True))
    return load_config(path, {})


@dataclass
class Site:
    """Where a gateway is served, and a client of it beside the browser."""

    url: str
    http: aiohttp.ClientSession
    gateway: Gateway


@asynccontextmanager
async def site_of(gateway: Gateway) -> AsyncIterator[Site]:
    async with served(gateway) as http:
        yield Site(str(http._base_url).rstrip("/"), http, gateway)


@pytest.fixture
async def site(config: Config) -> AsyncIterator[Site]:
    async with open_gateway(config) as gateway, site_of(gateway) as opened:
        yield opened
