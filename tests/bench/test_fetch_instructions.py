from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bench import fetch_instructions
from bench.bare import answer


@pytest.mark.usefixtures("collector")
@pytest.mark.parametrize("layer", fetch_instructions.NAMES)
async def test_every_layer_asks_the_upstream_for_each_name_once(
    layer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch_instructions, "AT_ONCE", 5)
    asked: list[str] = []

    async def items(request: web.Request) -> web.Response:
        (name,) = parse_qs(request.query_string)["q"]
        asked.append(name)
        return web.Response(body=answer(name), content_type="application/json")

    app = web.Application()
    app.add_routes([web.get("/items", items)])
    async with TestServer(app) as server:
        assert server.port is not None
        assert await fetch_instructions.calls(layer, server.port, tmp_path, 10) == 10
    counted = [name for name in asked if name.startswith("counted")]
    assert sorted(counted) == [f"counted {number}" for number in range(10)]


def test_layers_are_measured_by_the_bare_client() -> None:
    table = fetch_instructions.report({"bare": 400_000.0, "guard": 700_000.0})
    assert "| 400,000 | 1.00 × |" in table
    assert "| 700,000 | 1.75 × |" in table
