from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import msgspec
import pytest

from gateway.assembly import open_gateway
from gateway.config import Config
from tests.serving import served

OURS, OTHER = "https://app.example", "https://evil.example"
SEARCH = {"source": "plain", "q": "aspirin"}
ASKS = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}


@pytest.fixture
async def http(config: Config) -> AsyncIterator[aiohttp.ClientSession]:
    server = msgspec.structs.replace(config.server, cors=(OURS,))
    async with (
        open_gateway(msgspec.structs.replace(config, server=server)) as gateway,
        served(gateway) as session,
    ):
        yield session


async def test_a_page_of_a_listed_origin_may_read_the_answer(http: aiohttp.ClientSession) -> None:
    async with http.get("/v1/search", params=SEARCH, headers={"Origin": OURS}) as response:
        assert response.headers["Access-Control-Allow-Origin"] == OURS
        assert "Cache-Status" in response.headers["Access-Control-Expose-Headers"]
        assert response.headers["Vary"] == "Accept-Encoding, Origin"


async def test_a_page_of_another_origin_may_not(http: aiohttp.ClientSession) -> None:
    async with http.get("/v1/search", params=SEARCH, headers={"Origin": OTHER}) as response:
        assert "Access-Control-Allow-Origin" not in response.headers
        assert response.headers["Vary"] == "Accept-Encoding, Origin"


async def test_an_error_can_be_read_as_well(http: aiohttp.ClientSession) -> None:
    async with http.get("/v1/search", headers={"Origin": OURS}) as response:
        assert response.status == 400
        assert response.headers["Access-Control-Allow-Origin"] == OURS


async def test_a_browser_may_ask_before_it_asks(http: aiohttp.ClientSession) -> None:
    async with http.options("/v1/search", headers={"Origin": OURS, **ASKS}) as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == OURS
        assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
        assert "GET" in response.headers["Access-Control-Allow-Methods"]
    async with http.options("/v1/search", headers={"Origin": OTHER, **ASKS}) as response:
        assert response.status == 403
        assert "Access-Control-Allow-Origin" not in response.headers
