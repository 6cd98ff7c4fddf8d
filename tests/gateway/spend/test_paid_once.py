"""What was promised of money, over a gateway, an upstream and a model that are really asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp.test_utils import TestServer

from gateway.assembly import Gateway, open_gateway
from gateway.config import Config, load_config
from gateway.events import BudgetExhausted, Event, Events
from gateway.lookup import make_lookup
from gateway.spend.prices import NANOS
from gateway.warming import warm
from tests.clocks import ManualClock
from tests.counting_chat import CountingChat
from tests.gateway.spend.sums import sums
from tests.serving import served
from tests.stub_upstream import Reply, StubUpstream, source
from tests.waiting import eventually

TEXT = "It is used against pain. Take one tablet a day."
FRESHNESS = {"ttl": "1h", "stale_while_revalidate": "2h", "stale_if_error": "7d", "jitter": 0}
NONE = {"delay": 0}
"""A busy machine sheds refreshes first, and then callers, as it should; here each is counted."""


@pytest.fixture
async def upstream() -> AsyncIterator[StubUpstream]:
    record = {"id": "1", "name": "", "use": TEXT}
    async with StubUpstream(Reply(records=[record], echo=True)) as stub:
        yield stub


@pytest.fixture
def chat() -> CountingChat:
    return CountingChat()


@pytest.fixture
async def model(chat: CountingChat) -> AsyncIterator[str]:
    async with TestServer(chat.app()) as server:
        yield str(server.make_url("/v1"))


def config(folder: Path, upstream: StubUpstream, model: str, **sections: Any) -> Config:
    limits = {"retries": 0, "concurrency": 32, "queue": 2000, "price": 0.0001}
    document = {
        "database": {"url": f"sqlite+aiosqlite:///{folder / 'lookup.db'}"},
        "llm": {
            "base_url": model,
            "model": "m",
            "prices": {"m": {"input": 0.15, "cached_input": 0.075, "output": 0.6}},
        },
        "sources": {
            "s": source(
                upstream.url, freshness=FRESHNESS, limits=limits, summary={"language": "en"}
            )
        },
        **sections,
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(document))
    return load_config(path, {})


async def ask(client: aiohttp.ClientSession, q: str) -> list[str]:
    """Return what the answer lacks; it is an answer whatever happens."""
    async with client.get("/v1/search", params={"source": "s", "q": q}) as response:
        assert response.status == 200
        answer = await response.json()
        assert len(answer["items"]) == 1
        assert (answer["summary"] is None) == ("summary" in answer["degraded"])
        degraded: list[str] = answer["degraded"]
        return degraded


async def landed(gateway: Gateway) -> None:
    """Wait until no refresh is in the air."""
    await eventually(lambda: not gateway.flights.count)


async def test_a_thousand_lookups_and_a_refresh_of_all_pay_for_a_hundred_summaries(
    tmp_path: Path, upstream: StubUpstream, model: str, chat: CountingChat
) -> None:
    clock = ManualClock()
    names = [f"pill {letter}{digit}" for letter in "abcdefghij" for digit in "klmnopqrst"]
    settings = config(tmp_path, upstream, model, shedding=NONE)
    async with open_gateway(settings, clock=clock) as gateway, served(gateway) as client:
        for _ in range(5):
            assert await asyncio.gather(*(ask(client, name) for name in names)) == [[]] * 100
        clock.advance(3601)
        stale = await asyncio.gather(*(ask(client, name.upper()) for name in names))
        assert stale == [["stale"]] * 100
        await landed(gateway)
        for _ in range(4):
            assert await asyncio.gather(*(ask(client, name) for name in names)) == [[]] * 100
        assert (upstream.count, chat.calls) == (200, 100)
        # Every lookup but the first hundred, and every refresh, did without a call to the model.
        await eventually(lambda: sums(gateway).spared >= 900 + 100)  # hits are told together, soon
        spent = sums(gateway)
    tokens = chat.tokens
    dollars = (
        (tokens["prompt"] - tokens["cached"]) * 0.15
        + tokens["cached"] * 0.075
        + tokens["completion"] * 0.6
    ) / 1e6
    assert (spent.calls, spent.unknown, spent.wasted) == (100, 0, 0)
    assert spent.prompt_tokens == tokens["prompt"]
    assert spent.cached_tokens == tokens["cached"]
    assert spent.completion_tokens == tokens["completion"]
    assert spent.spent == pytest.approx(dollars * NANOS, abs=100)
    assert spent.spared == 900 + 100
    assert spent.saved == 10 * spent.spent
    async with open_gateway(settings, clock=clock) as gateway:
        assert sums(gateway) == spent


async def test_of_one_cent_bulk_stops_first_then_refreshes_then_callers_get_records(
    tmp_path: Path, upstream: StubUpstream, model: str, chat: CountingChat
) -> None:
    clock, seen = ManualClock(), list[Event]()
    prices = {"m": {"input": 1.0, "output": 0.5}}
    llm = {"base_url": model, "model": "m", "prices": prices}
    settings = config(tmp_path, upstream, model, llm=llm, budgets={"day": 0.01}, shedding=NONE)
    events = Events(seen.append)
    async with (
        open_gateway(settings, clock=clock, events=events) as gateway,
        served(gateway) as client,
    ):

        def spent() -> float:
            return gateway.money.ledger.spent("day") / NANOS

        route = gateway.routes["s"]
        bulk = [make_lookup(route, f"bulk {letter}") for letter in "abcdefghijklmnopqrstuvwxyz"]
        report = await warm(gateway.resolver, bulk, concurrency=1)
        assert (report.count("done"), report.count("failed")) == (26, 0)
        by_bulk = chat.calls
        assert 0 < by_bulk < 26
        assert 0.004 < spent() <= 0.005

        # What bulk work was refused, a caller is given, and pays for.
        assert await ask(client, "bulk z") == []
        assert chat.calls == by_bulk + 1

        clock.advance(3601)
        changed = {"id": "1", "name": "", "use": f"{TEXT} It is a pill."}
        upstream.default = Reply(records=[changed], echo=True)
        for lookup in bulk:
            assert "stale" in await ask(client, lookup.text)
            await landed(gateway)  # what is in the air holds an estimate of its price
        by_refresh = chat.calls
        assert by_refresh > by_bulk + 1
        assert 0.007 < spent() <= 0.008
        again = await warm(gateway.resolver, bulk, concurrency=1)
        assert (again.count("failed"), chat.calls) == (0, by_refresh)

        degraded = [await ask(client, f"new {letter}") for letter in "abcdefghijklmnopqrst"]
        bought = chat.calls - by_refresh
        assert 0 < bought < 20
        assert degraded == [[]] * bought + [["summary"]] * (20 - bought)
        assert 0.009 < spent() <= 0.01
    told = [event.priority for event in seen if isinstance(event, BudgetExhausted)]
    assert told == ["warmup", "refresh", "caller"]


async def test_fifty_callers_at_once_do_not_overshoot_a_budget(
    tmp_path: Path, upstream: StubUpstream, model: str, chat: CountingChat
) -> None:
    llm = {"base_url": model, "model": "m", "prices": {"m": {"input": 2.0, "output": 4.0}}}
    settings = config(
        tmp_path, upstream, model, llm=llm, budgets={"sources": {"s": 0.01}}, shedding=NONE
    )
    async with open_gateway(settings) as gateway, served(gateway) as client:
        letters = [f"{a}{b}" for a in "abcde" for b in "fghijklmno"]
        degraded = await asyncio.gather(*(ask(client, f"pill {name}") for name in letters))
        assert 0 < chat.calls == degraded.count([]) < 50
        assert gateway.money.ledger.spent("source:s") <= NANOS // 100


async def test_a_caller_who_joins_what_bulk_work_was_refused_has_it_written(
    tmp_path: Path, upstream: StubUpstream, model: str, chat: CountingChat
) -> None:
    # The same records for every query: their summary is one, whoever has it written.
    upstream.default = Reply(records=[{"id": "1", "name": "pill", "use": TEXT}])
    llm = {"base_url": model, "model": "m", "prices": {"m": {"input": 1.0, "output": 1.0}}}
    settings = config(tmp_path, upstream, model, llm=llm, budgets={"day": 0.001})
    async with open_gateway(settings) as gateway, served(gateway) as client:
        bulk = [make_lookup(gateway.routes["s"], f"bulk {letter}") for letter in "abcde"]
        warming = asyncio.create_task(warm(gateway.resolver, bulk, concurrency=5))
        degraded = await asyncio.gather(*(ask(client, f"pill {letter}") for letter in "abcde"))
        assert (await warming).count("failed") == 0
        assert degraded == [[]] * 5
        assert chat.calls == 1
        for lookup in bulk:
            assert await ask(client, lookup.text) == []
        assert chat.calls == 1
