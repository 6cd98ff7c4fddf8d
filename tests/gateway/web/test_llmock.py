"""A served gateway before an LLM mock that others wrote: for each fault of a model, what was kept,
what the caller got, and what it cost."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from gateway.assembly import open_gateway
from gateway.config import load_config
from gateway.events import Event, Events, Summarized, SummaryWasted
from tests.gateway.web.modelled import events
from tests.servers.llmock import llmock
from tests.serving import decoded, served
from tests.stub_upstream import Reply, StubUpstream, source

RECORD = {"id": "1", "name": "pill", "use": "For a headache. Take 500 mg at most."}
OTHER = {"id": "2", "name": "syrup", "use": "For a cough. Take 10 mL at night."}
GOOD = "A pill for a headache. Take 500 mg at most."
WRONG = "A pill for a headache. Take 700 mg at most."
SCHEMA = {
    "type": "object",
    "properties": {
        "summary": {"type": "string"},
        "risk": {"type": "integer", "minimum": 0, "maximum": 10},
        "dose_mg": {"type": "number"},
    },
    "required": ["summary", "risk", "dose_mg"],
    "additionalProperties": False,
}
PRICES = {"gpt-4.1": {"input": 2.0, "output": 8.0}, "gpt-4o": {"input": 2.0, "output": 8.0}}


def reply(text: str, finish: str = "stop") -> dict[str, Any]:
    return {"type": "reply", "text": text, "finish_reason": finish}


def fail(status: int, **more: Any) -> dict[str, Any]:
    return {"type": "fail", "status": status, **more}


def report(**values: Any) -> dict[str, Any]:
    return reply(json.dumps({"summary": GOOD, "risk": 3, "dose_mg": 500, **values}))


@dataclass
class World:
    """The gateway's client, the mock's control, and what the gateway says happened."""

    mock: str
    client: aiohttp.ClientSession
    control: aiohttp.ClientSession
    database: Path
    seen: list[Event] = field(default_factory=list)

    async def script(self, *behaviors: dict[str, Any]) -> None:
        if behaviors:
            body = {"behaviors": list(behaviors)}
            async with self.control.post(f"{self.mock}/_llmock/scenario", json=body) as answer:
                assert answer.status == 201, await answer.text()

    async def search(self, name: str = "text", query: str = "pill") -> Any:
        async with self.client.get("/v1/search", params={"source": name, "q": query}) as response:
            assert response.status == 200
            return json.loads(await decoded(response))

    async def told(self, name: str = "text") -> list[tuple[str, Any]]:
        params = {"source": name, "q": "pill"}
        async with self.client.get("/v1/search/stream", params=params) as response:
            return [told async for told in events(response)]

    async def calls(self) -> list[int]:
        """Return the status of every call that the mock saw."""
        async with self.control.get(f"{self.mock}/_llmock/requests") as answer:
            return [call["status"] for call in (await answer.json())["requests"]]

    @property
    def kept(self) -> list[str]:
        """The summaries in the database; what stands in for a refused one is none of them."""
        with closing(sqlite3.connect(self.database)) as connection:
            rows = connection.execute("SELECT body FROM summaries WHERE retry = 0").fetchall()
        return [json.loads(body)["text"] for (body,) in rows]

    @property
    def paid(self) -> list[Summarized | SummaryWasted]:
        return [event for event in self.seen if isinstance(event, Summarized | SummaryWasted)]

    @property
    def wasted(self) -> int:
        return sum(isinstance(event, SummaryWasted) for event in self.seen)


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    with llmock("--response-style", "static") as url:
        yield url


@pytest.fixture
async def world(mock: str, tmp_path: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        control = await stack.enter_async_context(aiohttp.ClientSession())
        async with control.post(f"{mock}/_llmock/reset"):
            pass
        upstream = await stack.enter_async_context(StubUpstream(Reply(records=[RECORD, OTHER])))
        text = {"by": "openai", "language": "en", "roles": {"purpose": ["use"]}}
        shaped = {**text, "schema": SCHEMA, "require": "risk > `0`"}
        models = [{"model": "gpt-4.1"}, {"model": "gpt-4o"}]
        document = {
            "database": {"url": f"sqlite+aiosqlite:///{tmp_path / 'lookup.db'}"},
            "llm": {
                "base_url": f"{mock}/v1",
                "api_key": "k",
                "models": models,
                "timeout": "20s",
                "prices": PRICES,
            },
            "sources": {
                "text": source(upstream.url, summary=text),
                "report": source(upstream.url, summary=shaped),
                "items": source(upstream.url, summary={**text, "scope": "item"}),
            },
        }
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(document))
        seen: list[Event] = []
        config = load_config(path, {})
        gateway = await stack.enter_async_context(open_gateway(config, events=Events(seen.append)))
        client = await stack.enter_async_context(served(gateway))
        yield World(mock, client, control, tmp_path / "lookup.db", seen)


FAULTS: dict[str, tuple[list[dict[str, Any]], str | None, int, int, int]] = {
    # what the model does: (its answers, who wrote in the end, calls, kept, wasted)
    "a summary": ([reply(GOOD)], "openai:gpt-4.1", 1, 1, 0),
    "a wrong number, then a right one": ([reply(WRONG), reply(GOOD)], "openai:gpt-4.1", 2, 1, 1),
    "a wrong number twice": ([reply(WRONG), reply(WRONG)], "extractive", 2, 0, 2),
    "nothing to do with the records": ([], "extractive", 2, 0, 2),
    "a refusal": ([reply("I'm sorry, I cannot help with that.")] * 2, "extractive", 2, 0, 2),
    "a filter on every model": ([reply(GOOD, "content_filter")] * 2, "extractive", 2, 0, 2),
    "cut off, then whole": (
        [reply("A pill for", "length"), reply(GOOD)],
        "openai:gpt-4.1",
        2,
        1,
        1,
    ),
    "cut off twice": ([reply("A pill for", "length")] * 2, "extractive", 2, 0, 2),
    "429, and the next model": ([fail(429), reply(GOOD)], "openai:gpt-4o", 2, 1, 0),
    "500, and the next model": ([fail(500), reply(GOOD)], "openai:gpt-4o", 2, 1, 0),
    "429 of every model": ([fail(429), fail(429)], None, 2, 0, 0),
    "503 of every model": ([fail(503), fail(503)], None, 2, 0, 0),
    "401 of every model": ([fail(401), fail(401)], None, 2, 0, 0),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_a_model_does_wrong_is_neither_kept_nor_hidden(world: World, fault: str) -> None:
    script, by, calls, kept, wasted = FAULTS[fault]
    await world.script(*script)
    answer = await world.search()
    written = answer["summary"]
    assert (None if written is None else written["by"]) == by
    assert answer["degraded"] == ([] if kept else ["summary"])
    assert answer["items"][0]["use"] == RECORD["use"]
    assert len(await world.calls()) == calls
    assert world.kept == [GOOD] * kept
    assert world.wasted == wasted
    assert "700" not in json.dumps(answer)


@pytest.mark.parametrize("fault", ["a summary", "a wrong number, then a right one"])
async def test_every_answer_that_was_paid_for_is_told_with_its_price(
    world: World, fault: str
) -> None:
    await world.script(*FAULTS[fault][0])
    await world.search()
    assert len(world.paid) == (await world.calls()).count(200)
    for event in world.paid:
        assert event.prompt_tokens
        assert event.completion_tokens
        price = (event.prompt_tokens * 2.0 + event.completion_tokens * 8.0) / 1e6
        assert event.usd == pytest.approx(price)


async def test_what_another_query_finds_again_costs_nothing(world: World) -> None:
    await world.script(reply(GOOD))
    first, again = await world.search(), await world.search(query="headache")
    assert first["summary"] == again["summary"]
    assert len(await world.calls()) == 1


async def test_what_was_refused_is_not_asked_for_again_by_another_query(world: World) -> None:
    await world.script(reply(WRONG), reply(WRONG))
    await world.search()
    assert (await world.search(query="headache"))["summary"]["by"] == "extractive"
    assert len(await world.calls()) == 2


async def test_a_report_is_an_object_in_the_answer(world: World) -> None:
    await world.script(report())
    answer = await world.search("report")
    assert answer["summary"]["report"] == {"summary": GOOD, "risk": 3, "dose_mg": 500}
    assert (answer["summary"]["text"], answer["degraded"]) == (GOOD, [])
    assert len(world.kept) == 1


@pytest.mark.parametrize(
    "bad",
    [
        report(risk=0),
        report(risk="high"),
        report(dose_mg=700),
        report(summary=WRONG),
        reply('{"summary": "A pill for'),
        reply("no JSON at all"),
    ],
)
async def test_a_report_that_is_wrong_is_asked_for_once_more(
    world: World, bad: dict[str, Any]
) -> None:
    await world.script(bad, report())
    answer = await world.search("report")
    assert answer["summary"]["report"]["dose_mg"] == 500
    assert (len(await world.calls()), world.kept, world.wasted) == (2, [GOOD], 1)


async def test_what_the_mock_fills_a_schema_with_is_not_taken_for_facts(world: World) -> None:
    answer = await world.search("report")
    assert answer["summary"]["by"] == "extractive"
    assert (answer["degraded"], world.kept) == (["summary"], [])


@pytest.mark.parametrize("kind", ["disconnect", "truncate", "malformed"])
async def test_a_stream_that_breaks_keeps_nothing_and_ends_with_the_records_words(
    world: World, kind: str
) -> None:
    fault = {"type": "stream_fault", "kind": kind, "after_chunks": 2, "times": None}
    await world.script(fault, reply(GOOD), reply("A pill for", "length"))
    told = await world.told()
    ends = [name for name, _ in told if name != "summary.delta"]
    assert ends == ["records", "error", "summary", "done"]
    assert told[-2][1]["by"] == "extractive"
    assert told[-1][1]["degraded"] == ["summary"]
    assert world.kept == []


async def test_a_stream_is_kept_when_it_has_passed(world: World) -> None:
    await world.script(reply(GOOD))
    told = await world.told()
    assert "".join(data["text"] for name, data in told if name == "summary.delta") == GOOD
    assert (told[-2][1]["text"], told[-1][1]["degraded"], world.kept) == (GOOD, [], [GOOD])


def each(*texts: str) -> dict[str, Any]:
    entries = [{"record": n, "summary": text} for n, text in enumerate(texts, start=1)]
    return reply(json.dumps({"summaries": entries}))


async def test_the_summaries_of_two_records_are_written_in_one_call(world: World) -> None:
    await world.script(each(GOOD, "A syrup for a cough. Take 10 mL at night."))
    answer = await world.search("items")
    texts = [item["summary"]["text"] for item in answer["items"]]
    assert texts == [GOOD, "A syrup for a cough. Take 10 mL at night."]
    assert (answer["summary"], answer["degraded"]) == (None, [])
    assert (len(await world.calls()), len(world.kept), world.wasted) == (1, 2, 0)


async def test_a_wrong_one_of_two_is_tried_alone_and_the_other_kept(world: World) -> None:
    wrong = "A syrup for a cough. Take 90 mL at night."
    await world.script(each(GOOD, wrong), reply(wrong))
    answer = await world.search("items")
    assert [item["summary"]["by"] for item in answer["items"]] == ["openai:gpt-4.1", "extractive"]
    assert (len(await world.calls()), world.kept, world.wasted) == (2, [GOOD], 2)


async def test_a_stream_tells_the_records_again_with_their_summaries(world: World) -> None:
    await world.script(each(GOOD, "A syrup for a cough. Take 10 mL at night."))
    told = await world.told("items")
    assert [name for name, _ in told] == ["records", "records", "summary", "done"]
    assert told[0][1]["items"][0]["summary"] is None
    assert told[1][1]["items"][0]["summary"]["text"] == GOOD
