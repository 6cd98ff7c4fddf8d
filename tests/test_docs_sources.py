"""Every example of docs/sources.md, over a real HTTP server."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.errors import UpstreamError
from adapters.source import Query
from adapters.sources import catalog
from tests.recordings import Recorded, source_of

PAGE = (Path(__file__).parents[1] / "docs" / "sources.md").read_text()
TRIO = re.compile(
    r"^```yaml\n# ([^\n]*)\n(.*?)^```\n```http\n(.*?)^```\n```json\n(.*?)^```",
    re.DOTALL | re.MULTILINE,
)
EXCHANGE = re.compile(r"GET (\S+)\nHTTP (\d+) (\S+)\n\n(.*)", re.DOTALL)


@dataclass
class Example:
    asked: dict[str, str]
    config: dict[str, Any]
    target: str
    answer: Recorded
    outcome: Any


def examples() -> list[Example]:
    found = []
    for asked, config, wire, outcome in TRIO.findall(PAGE):
        exchange = EXCHANGE.fullmatch(wire)
        assert exchange is not None, wire
        target, status, content_type, body = exchange.groups()
        names = dict(re.findall(r"(\w+)=(.*?)(?= \w+=|$)", asked))
        answer = Recorded(body.strip().encode(), int(status), content_type)
        found.append(Example(names, yaml.safe_load(config), target, answer, json.loads(outcome)))
    return found


def test_no_example_is_left_out() -> None:
    assert len(examples()) == PAGE.count("```yaml") == PAGE.count("```http") == 15


def test_the_whole_catalog_is_listed() -> None:
    assert re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE) == catalog.names()


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.target)
async def test_the_example_is_true(example: Example) -> None:
    text, language = example.asked.pop("q", ""), example.asked.pop("lang", "")
    async with source_of(example.config, example.answer) as (source, stub):
        try:
            payload = await source.fetch(Query(text, example.asked, language))
            outcome: Any = [dict(record) for record in payload.records]
        except UpstreamError as error:
            outcome = {"error": error.kind.value}
    assert outcome == example.outcome
    assert stub.raw == example.target
