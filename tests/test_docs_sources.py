"""Every example of docs/sources.md, over a real HTTP server."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import yaml
from aiohttp import web

from adapters.errors import UpstreamError
from adapters.http import open_session
from adapters.source import Attribution, Query, Source
from adapters.sources import catalog
from adapters.sources.composite import CompositeSource
from adapters.sources.composition import CompositeSpec
from adapters.sources.declarative import DeclarativeSource
from adapters.sources.spec import ParamSpec, RequestSpec, ResponseSpec, TermsSpec
from adapters.sources.units import dec_hook
from tests.recordings import NOW, Recorded, serving

PAGE = (Path(__file__).parents[1] / "docs" / "sources.md").read_text()
TRIO = re.compile(
    r"^```yaml\n# ([^\n]*)\n(.*?)^```\n```http\n(.*?)^```\n```json\n(.*?)^```",
    re.DOTALL | re.MULTILINE,
)
EXCHANGE = re.compile(
    r"^GET (\S+)\nHTTP (\d+) (\S+)\n\n(.*?)(?=^GET |\Z)", re.DOTALL | re.MULTILINE
)


@dataclass
class Example:
    asked: dict[str, str]
    config: dict[str, Any]
    answers: dict[str, Recorded]
    """By the targets of their requests."""
    outcome: Any


def examples() -> list[Example]:
    found = []
    for asked, config, wire, outcome in TRIO.findall(PAGE):
        names = dict(re.findall(r"(\w+)=(.*?)(?= \w+=|$)", asked))
        answers = {
            target: Recorded(body.strip().encode(), int(status), content_type)
            for target, status, content_type, body in EXCHANGE.findall(wire)
        }
        assert answers, wire
        found.append(Example(names, yaml.safe_load(config), answers, json.loads(outcome)))
    return found


def test_no_example_is_left_out() -> None:
    assert len(examples()) == PAGE.count("```yaml") == PAGE.count("```http") == 18


def test_the_whole_catalog_is_listed() -> None:
    assert re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE) == catalog.names()


@pytest.mark.parametrize("example", examples(), ids=lambda example: next(iter(example.answers)))
async def test_the_example_is_true(example: Example) -> None:
    text, language = example.asked.pop("q", ""), example.asked.pop("lang", "")
    wire = Wire(example.answers)
    async with opened(example, wire) as source:
        try:
            payload = await source.fetch(Query(text, example.asked, language))
            outcome: Any = [dict(record) for record in payload.records]
        except UpstreamError as error:
            outcome = {"error": error.kind.value}
    assert outcome == example.outcome
    assert sorted(wire.asked) == sorted(example.answers)


class Wire:
    """Gives each target its answer and keeps what was asked."""

    def __init__(self, answers: dict[str, Recorded]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.raw_path)
        answer = self._answers.get(request.raw_path, Recorded(b"not in the example", 500))
        headers = {"Content-Type": answer.content_type}
        return web.Response(body=answer.body, status=answer.status, headers=headers)


@asynccontextmanager
async def opened(example: Example, wire: Wire) -> AsyncIterator[Source]:
    """Give the source of an example, one or composite, in front of *wire*."""
    async with serving(wire.handle) as base, open_session(allow_private=True) as session:
        if "composite" not in example.config:
            yield part_of("example", example.config, base, session)
            return
        parts = example.config["composite"]["parts"]
        sources = {
            name: part_of(name, part | {"params": part.get("needs", {})}, base, session)
            for name, part in parts.items()
        }
        spec = msgspec.convert(example.config["composite"], CompositeSpec, dec_hook=dec_hook)
        yield CompositeSource(spec, sources, Attribution(""), lambda: NOW, seconds=5)


def part_of(
    name: str, config: dict[str, Any], base: str, session: aiohttp.ClientSession
) -> DeclarativeSource:
    request = config["request"] | {"url": base + config["request"]["url"]}
    params = {
        key: value if isinstance(value, dict) else {}
        for key, value in config.get("params", {}).items()
    }
    return DeclarativeSource(
        name,
        msgspec.convert(request, RequestSpec, dec_hook=dec_hook),
        msgspec.convert(config.get("response", {}), ResponseSpec, dec_hook=dec_hook),
        TermsSpec(),
        session,
        lambda: NOW,
        msgspec.convert(params, dict[str, ParamSpec], dec_hook=dec_hook),
    )
