"""Whole lists of summaries through a batch endpoint that is really asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp.test_utils import TestServer

from adapters.llm.batched import BatchRun
from gateway.assembly import Gateway, open_gateway
from gateway.config import Config, load_config
from gateway.events import BatchSubmitted, BudgetExhausted, Event, Events
from gateway.lookup import Lookup, make_lookup
from gateway.precompute import precompute
from gateway.spend.prices import NANOS
from tests.adapters.llm.stub_batches import StubBatches
from tests.adapters.llm.stub_chat import completion, failure
from tests.clocks import ManualClock
from tests.counting_chat import CountingChat
from tests.gateway.spend.sums import sums
from tests.stub_upstream import Reply, StubUpstream, source

RUN = BatchRun(poll=0.001, quiet=0.02)
PRICE = {"input": 2.0, "cached_input": 2.0, "output": 2.0, "batch": 0.5}
RECORD = {"id": "1", "name": "", "use": "It is used against pain. Take one tablet a day."}


@pytest.fixture
async def upstream() -> AsyncIterator[StubUpstream]:
    async with StubUpstream(Reply(records=[RECORD], echo=True)) as stub:
        yield stub


@pytest.fixture
def chat() -> CountingChat:
    return CountingChat()


@pytest.fixture
def stub(chat: CountingChat) -> StubBatches:
    return StubBatches(chat.write)


@pytest.fixture
async def settings(
    tmp_path: Path, upstream: StubUpstream, stub: StubBatches
) -> AsyncIterator[Config]:
    async with TestServer(stub.app()) as server:
        yield config(tmp_path, upstream, str(server.make_url("/v1")))


def config(folder: Path, upstream: StubUpstream, model: str, **sections: Any) -> Config:
    document = {
        "database": {"url": f"sqlite+aiosqlite:///{folder / 'lookup.db'}"},
        "llm": {"base_url": model, "model": "m", "prices": {"m": PRICE}},
        "sources": {
            "s": source(upstream.url, limits={"retries": 0}, summary={"language": "en"}),
            "plain": source(upstream.url, summary={"by": "none"}),
        },
        **sections,
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(document))
    return load_config(path, {})


def lookups(gateway: Gateway, *names: str, source: str = "s") -> list[Lookup]:
    return [make_lookup(gateway.routes[source], name) for name in names]


async def test_a_list_is_one_batch_at_its_price_and_hits_afterwards(
    settings: Config, stub: StubBatches, chat: CountingChat, upstream: StubUpstream
) -> None:
    seen: list[Event] = []
    names = [f"pill {letter}" for letter in "abcdefghij"]
    async with open_gateway(settings, events=Events(seen.append), batch=RUN) as gateway:
        report = await precompute(gateway, lookups(gateway, *names))
        assert [result.status for result in report.results] == ["done"] * 10
        assert {result.why for result in report.results} == {""}
        assert [e for e in seen if isinstance(e, BatchSubmitted)] == [
            BatchSubmitted("m", "batch_1", 10)
        ]
        answer = await gateway.resolver.resolve(lookups(gateway, "pill a")[0])
        assert (answer.outcome, answer.degraded) == ("hit", ())
        assert b"It is used against pain." in answer.body()
        spent = sums(gateway)
        assert (spent.calls, spent.prompt_tokens) == (10, chat.tokens["prompt"])
        tokens = chat.tokens["prompt"] + chat.tokens["completion"]
        assert spent.spent == tokens * 1000
        again = await precompute(gateway, lookups(gateway, *names))
        assert again.count("skipped") == 10
    assert (len(stub.batches), upstream.count) == (1, 10)


async def test_a_refused_summary_is_tried_again_in_a_second_batch(
    settings: Config, stub: StubBatches
) -> None:
    def wrong_at_first(body: dict[str, Any]) -> dict[str, Any]:
        told = "An earlier answer was refused" in body["messages"][1]["content"]
        usage = {"usage": {"prompt_tokens": 10, "completion_tokens": 5}}
        return completion("It is used against pain." if told else "Take 900 mg.") | usage

    stub.answer = wrong_at_first
    async with open_gateway(settings, batch=RUN) as gateway:
        report = await precompute(gateway, lookups(gateway, "a", "b"))
        assert (report.count("done"), len(stub.batches)) == (2, 2)
        spent = sums(gateway)
        assert (spent.calls, spent.spent, spent.wasted) == (4, 60_000, 30_000)


async def test_lines_that_fail_leave_their_records_without_a_summary(
    settings: Config, stub: StubBatches
) -> None:
    stub.answer = lambda body: failure("server_error")
    async with open_gateway(settings, batch=RUN) as gateway:
        report = await precompute(gateway, lookups(gateway, "a"))
        assert [(r.status, r.why) for r in report.results] == [("done", "without summary")]
        answer = await gateway.resolver.resolve(lookups(gateway, "a")[0])
        assert answer.degraded == ("summary",)


async def test_records_that_cannot_be_had_are_told_and_stop_nothing(
    settings: Config, upstream: StubUpstream
) -> None:
    upstream.script(Reply(status=500))
    async with open_gateway(settings, batch=RUN) as gateway:
        report = await precompute(gateway, lookups(gateway, "a", "b"), concurrency=1)
        assert [(r.lookup.text, r.status) for r in report.results] == [
            ("a", "failed"),
            ("b", "done"),
        ]


async def test_a_source_without_summaries_is_loaded_all_the_same(
    settings: Config, stub: StubBatches
) -> None:
    async with open_gateway(settings, batch=RUN) as gateway:
        report = await precompute(gateway, lookups(gateway, "a", source="plain"))
        assert report.count("done") == 1
    assert stub.batches == {}


async def test_an_interrupted_run_is_resumed_without_another_batch(
    settings: Config, stub: StubBatches
) -> None:
    async with open_gateway(settings, batch=RUN) as gateway:
        await precompute(gateway, lookups(gateway, "a", "b"))
    file = Path(settings.database.url.partition(":///")[2])
    for kept in file.parent.glob(f"{file.name}*"):
        kept.unlink()
    resumed = BatchRun(resume=("batch_1",), poll=0.001, quiet=0.02)
    async with open_gateway(settings, batch=resumed) as gateway:
        report = await precompute(gateway, lookups(gateway, "a", "b"))
        assert {result.why for result in report.results} == {""}
    assert len(stub.batches) == 1


async def test_bulk_work_keeps_to_its_share_of_the_budget(
    tmp_path: Path, settings: Config, chat: CountingChat, upstream: StubUpstream
) -> None:
    bounded = config(tmp_path, upstream, settings.llm.base_url, budgets={"day": 0.01})
    seen: list[Event] = []
    names = [f"pill {letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    async with open_gateway(bounded, events=Events(seen.append), batch=RUN) as gateway:
        report = await precompute(gateway, lookups(gateway, *names))
        assert (report.count("done"), report.count("failed")) == (26, 0)
        assert 0 < chat.calls < 26
        assert sums(gateway).spent <= NANOS // 200
        without = [result for result in report.results if result.why == "without summary"]
        assert len(without) == 26 - chat.calls
    told = [event for event in seen if isinstance(event, BudgetExhausted)]
    assert told == [BudgetExhausted("day", "bulk")]


async def test_newer_records_are_not_overwritten_by_what_took_hours(
    settings: Config, stub: StubBatches, upstream: StubUpstream
) -> None:
    clock = ManualClock()
    async with open_gateway(settings, clock=clock, batch=RUN) as gateway:
        (lookup,) = lookups(gateway, "a")
        stub.looks = 1_000_000
        run = asyncio.create_task(precompute(gateway, [lookup]))
        while not stub.batches:
            await asyncio.sleep(0.001)
        changed = {**RECORD, "use": "It is a pill."}
        upstream.default = Reply(records=[changed], echo=True)
        clock.advance(10)
        await gateway.resolver.renew(lookup, want_summary=False)
        stub.batches["batch_1"]["left"] = 0
        await run
        answer = await gateway.resolver.resolve(lookup, want_summary=False)
        assert b"It is a pill." in answer.body()
