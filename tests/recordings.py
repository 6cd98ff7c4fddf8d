"""Recorded answers of upstreams, replayed by a real HTTP server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.http import open_session
from adapters.source import Payload, Query
from adapters.sources.declarative import DeclarativeSource
from adapters.sources.spec import ParamSpec, RequestSpec, ResponseSpec, TermsSpec
from adapters.sources.units import dec_hook

DATA = Path(__file__).parent / "data"
NOW = 1_780_000_000.0


@dataclass(frozen=True)
class Recorded:
    """What the upstream says."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def recorded(name: str, status: int = 200) -> Recorded:
    """Return a file of ``tests/data``: a bare body, or a whole recorded exchange."""
    body = (DATA / name).read_bytes()
    if not name.endswith(".recording.json"):
        kind = "application/xml" if name.endswith(".xml") else "application/json"
        return Recorded(body, status, kind)
    response = json.loads(body)["response"]
    text = response.get("body_text")
    body = text.encode() if text is not None else json.dumps(response["body"]).encode()
    kind = response["headers"].get("content-type", "application/json").partition(";")[0]
    return Recorded(body, response["status"], kind)


def said(body: str | bytes, status: int = 200, content_type: str = "text/plain") -> Recorded:
    """Return an answer that is written in the test."""
    return Recorded(body.encode() if isinstance(body, str) else body, status, content_type)


class Upstream:
    """A stub that gives recorded answers in turn, the last one for good, and keeps what it got."""

    def __init__(self, *answers: Recorded) -> None:
        self.answers = list(answers)
        self.requests: list[web.Request] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Give the next answer."""
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.Response(
            body=answer.body,
            status=answer.status,
            headers={"Content-Type": answer.content_type, **answer.headers},
        )

    @property
    def query(self) -> str:
        """The last request's query string, as it came over the wire."""
        return self.requests[-1].rel_url.raw_query_string if self.requests else ""

    @property
    def raw(self) -> str:
        """The last request's target, as it came over the wire."""
        return self.requests[-1].raw_path if self.requests else ""


@asynccontextmanager
async def serving(
    handle: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[str]:
    """Serve everything with *handle* on a free port; give the base URL."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


def read(text: str, **replaced: str) -> dict[str, Any]:
    """Return YAML with ``$NAME`` replaced."""
    for name, value in replaced.items():
        text = text.replace(f"${name}", value)
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


@asynccontextmanager
async def source_of(
    config: Mapping[str, Any], *answers: Recorded
) -> AsyncIterator[tuple[DeclarativeSource, Upstream]]:
    """Give a source of *config*, whose URL is a path of a stub, and the stub."""
    stub = Upstream(*answers)
    async with serving(stub.handle) as base, open_session(allow_private=True) as session:
        request = dict(config["request"])
        request["url"] = base + request["url"]
        yield (
            DeclarativeSource(
                "stub",
                msgspec.convert(request, RequestSpec, dec_hook=dec_hook),
                msgspec.convert(config.get("response", {}), ResponseSpec, dec_hook=dec_hook),
                msgspec.convert(config.get("terms", {}), TermsSpec, dec_hook=dec_hook),
                session,
                lambda: NOW,
                params=msgspec.convert(
                    config.get("params", {}), dict[str, ParamSpec], dec_hook=dec_hook
                ),
            ),
            stub,
        )


async def ask(config: Mapping[str, Any], answer: Recorded, text: str, **params: str) -> Payload:
    """Return what a source of *config* makes of one answer."""
    async with source_of(config, answer) as (source, _):
        return await source.fetch(Query(text, params))
