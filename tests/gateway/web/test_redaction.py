"""Secrets are planted wherever one could be, and looked for in all that the gateway says."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
import yaml
from aiohttp.test_utils import TestServer

from gateway import logs
from gateway.access.identity import EVERYTHING
from gateway.access.keys import new_key
from gateway.assembly import Gateway, open_gateway
from gateway.config import load_config
from gateway.events import Events
from gateway.logs import EventLog
from storage.access import ApiKeyStore
from storage.database import open_database
from tests.adapters.llm.stub_chat import StubChat
from tests.collector import Collector
from tests.own_logs import logs_as_before
from tests.serving import decoded, served
from tests.stub_upstream import Drop, Reply, StubUpstream, source

QUERY, HEADER, PATH = "query+planted/1==", "header-planted-2", "path-planted-3"
MODEL, COLLECTOR, TOKENS = "sk-model-planted-4", "collector-planted-5", "token-planted-6" + "x" * 32
SECRETS = (QUERY, HEADER, PATH, MODEL, COLLECTOR, TOKENS)
ASKED = "planted-by-a-person"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    with logs_as_before():
        yield io.StringIO()


def document(folder: Path, upstream: str, model: str, collector: str) -> dict[str, Any]:
    keyed = {"retries": 0, "breaker": {"failures": 50, "reset": "60s"}}
    summary = {"by": "openai", "language": "en", "roles": {"purpose": ["use"]}}
    sources = {
        name: source(upstream, limits=keyed, summary=summary) for name in ("asks", "heads", "paths")
    }
    sources["asks"]["request"]["auth"] = {"in": "query", "name": "serviceKey", "key": QUERY}
    sources["heads"]["request"]["auth"] = {"in": "header", "name": "X-Api-Key", "key": HEADER}
    sources["paths"]["request"]["auth"] = {"in": "path", "key": PATH}
    sources["paths"]["request"]["url"] = f"{upstream}/{{key}}/items"
    return {
        "database": {"url": f"sqlite+aiosqlite:///{folder / 'secrets.db'}"},
        "access": {"mode": "required", "token_secret": TOKENS},
        "llm": {"base_url": f"{model}/v1", "api_key": MODEL, "model": "m", "timeout": "20s"},
        "telemetry": {"endpoint": collector, "headers": {"X-Key": COLLECTOR}, "sample": 1.0},
        "logs": {"level": "debug", "sample_hits": 1.0},
        "sources": sources,
    }


def answers(key: str) -> list[Reply | Drop]:
    """Return what an upstream says that repeats the key that it was shown, and worse."""
    echo = f"{key} {quote(key, safe='')}"
    return [
        Reply(status=500, body=f"failed: {echo}".encode()),
        Reply(body=f"<html>{echo}".encode()),
        Reply(records=[{"id": "1", "name": echo}]),
        Reply(status=302, headers={"Location": f"https://other.example/?k={quote(key)}"}),
        Reply(status=401, headers={"WWW-Authenticate": f'Bearer "{key}"'}, body=b"{}"),
        Drop(),
    ]


async def visit(client: aiohttp.ClientSession, key: str, upstream: StubUpstream) -> list[str]:
    """Ask for everything that could tell a secret; return what was answered."""
    said = []
    shown = {"Authorization": f"Bearer {key}", "traceparent": TRACE}
    for name, planted in (("asks", QUERY), ("heads", HEADER), ("paths", PATH)):
        for number, reply in enumerate(answers(planted)):
            upstream.script(reply)
            params = {"source": name, "q": f"{ASKED} {number}"}
            for headers in (shown, shown, {"Authorization": f"Bearer {key}x"}):
                async with client.get("/v1/search", params=params, headers=headers) as response:
                    said.append((await decoded(response)).decode() + str(response.headers))
    for method, path in (
        ("GET", "/v1/stats"),
        ("GET", "/metrics"),
        ("GET", "/v1/sources"),
        ("GET", "/openapi.json"),
        ("GET", "/readyz"),
        ("GET", f"/v1/{ASKED}?token={key}"),
        ("POST", "/v1/debug/profile?seconds=0.05"),
    ):
        async with client.request(method, path, headers=shown) as response:
            said.append((await decoded(response)).decode())
    return said


async def test_no_secret_is_told_to_anybody(tmp_path: Path, out: io.StringIO) -> None:
    chat, collector = StubChat(), Collector()
    chat.status, chat.body = 401, {"error": {"message": f"bad key {MODEL}", "code": MODEL}}
    async with (
        StubUpstream() as upstream,
        TestServer(chat.app()) as model,
        TestServer(collector.app()) as taking,
    ):
        path = tmp_path / "config.yaml"
        urls = (upstream.url, str(model.make_url("")).rstrip("/"), str(taking.make_url("")))
        path.write_text(yaml.safe_dump(document(tmp_path, *urls)))
        config = load_config(path, {})
        logs.configure(level="debug", stream=out, secrets=config.secrets)
        tables = await open_database(config.database.url)
        made, key = new_key("acme", EVERYTHING, created=1.0)
        await ApiKeyStore(tables.database).add(made.row)
        await tables.close()
        async with (
            open_gateway(config, events=Events(EventLog(lambda: 0.0))) as gateway,
            served(gateway) as client,
        ):
            said = await visit(client, key, upstream)
            _crash(gateway)
    traces = "".join(body.decode("latin-1") for body in collector.bodies)
    told = {"answers": "".join(said), "log": out.getvalue(), "traces": traces}
    assert all(len(text) > 1000 for text in told.values())
    for where, text in told.items():
        for planted in (*SECRETS, key.removeprefix(f"lgk_{made.id}_")):
            for form in {planted, quote(planted, safe=""), quote(planted)}:
                assert form not in text, f"{planted} is told in {where}"
    # What a person looks up is in its answer alone.
    assert ASKED not in told["traces"]
    metrics = next(text for text in said if "lookup_build_info" in text)
    stats = next(text for text in said if '"uptime_seconds"' in text)
    assert ASKED not in metrics + stats
    assert upstream.calls


def _crash(gateway: Gateway) -> None:
    """Have a listener's fault logged, with all that it knows."""

    def faulty(_event: object) -> None:
        request = {"url": f"https://example.org/?serviceKey={quote(QUERY)}", "key": HEADER}
        raise ValueError(f"{request} {MODEL} {COLLECTOR}")

    gateway.events.subscribe(faulty)
    gateway.events.emit(object())  # type: ignore[arg-type]
