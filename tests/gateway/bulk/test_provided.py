"""Batches whose summaries a provider's batch endpoint writes, which is really asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp.test_utils import TestServer

from gateway.assembly import Gateway, open_gateway
from gateway.bulk.later import DAY
from gateway.config import Config, load_config
from gateway.events import BatchSubmitted, Event, Events
from gateway.lookup import make_lookup
from gateway.wanted import Wanted, written
from storage.batches import Batch
from storage.tier import TierError
from tests.adapters.llm.stub_batches import StubBatches
from tests.adapters.llm.stub_chat import completion
from tests.clocks import ManualClock
from tests.counting_chat import CountingChat
from tests.gateway.spend.sums import sums
from tests.stub_upstream import Reply, StubUpstream, source
from tests.waiting import eventually

PRICE = {"input": 2.0, "cached_input": 2.0, "output": 2.0, "batch": 0.5}
RECORD = {"id": "1", "name": "", "use": "It is used against pain. Take one tablet a day."}
GOOD = "It is used against pain."
USAGE = {"usage": {"prompt_tokens": 10, "completion_tokens": 5}}


class Provider:
    """A model's server: chats one by one, and batches of them."""

    def __init__(self) -> None:
        self.single = CountingChat()
        self.batched = StubBatches(lambda body: completion(GOOD) | USAGE)
        self.batched.looks = 0

    def app(self) -> Any:
        app = self.batched.app()
        app.router.add_post("/v1/chat/completions", self.single._answer)
        return app


class World:
    """What a gateway needs, and what survives it."""

    def __init__(self, folder: Path, upstream: StubUpstream, provider: Provider) -> None:
        self.folder = folder
        self.upstream = upstream
        self.provider = provider
        self.stub = provider.batched
        self.clock = ManualClock()
        self.seen: list[Event] = []
        self.model = ""

    def config(self, **sections: Any) -> Config:
        document = {
            "database": {"url": f"sqlite+aiosqlite:///{self.folder / 'lookup.db'}"},
            "llm": {"base_url": self.model, "model": "m", "prices": {"m": PRICE}, "batch": True},
            "batches": {"poll": "60s"},
            "sources": {
                "s": source(self.upstream.url, limits={"retries": 0}, summary={"language": "en"}),
                "each": source(self.upstream.url, summary={"language": "en", "scope": "item"}),
                "plain": source(self.upstream.url, summary={"by": "extractive"}),
            },
            **sections,
        }
        path = self.folder / "config.yaml"
        path.write_text(yaml.safe_dump(document))
        return load_config(path, {})

    def opened(self, **sections: Any) -> Any:
        config = self.config(**sections)
        return open_gateway(config, events=Events(self.seen.append), clock=self.clock)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    provider = Provider()
    async with (
        StubUpstream(Reply(records=[RECORD], echo=True)) as upstream,
        TestServer(provider.app()) as server,
    ):
        made = World(tmp_path, upstream, provider)
        made.model = str(server.make_url("/v1"))
        yield made


async def make(gateway: Gateway, *names: str, patience: float = DAY, of: str = "s") -> Batch:
    asked = [written(Wanted(of, q=name)) for name in names]
    return await gateway.bulk.batches.add("public", "key", asked, "", patience)


async def step(gateway: Gateway, batch: Batch) -> None:
    """Do what a process does that has claimed *batch*, once."""
    work, store = gateway.bulk.work, gateway.bulk.batches.store
    while items := await store.due(batch.id, gateway.clock(), 500):
        await work.do(batch, items)
    await work.later.step(batch)


async def counts(gateway: Gateway, batch: Batch) -> tuple[int, int, int]:
    found = await gateway.bulk.batches.store.count(batch.id)
    return found["waiting"], found["done"], found["failed"]


async def summary(gateway: Gateway, name: str, of: str = "s") -> bytes:
    answer = await gateway.resolver.resolve(make_lookup(gateway.routes[of], name))
    assert answer.outcome == "hit"
    return answer.body() if not answer.degraded else b""


async def test_the_summaries_of_a_patient_batch_go_out_together_at_their_price(
    world: World,
) -> None:
    async with world.opened() as gateway, gateway.bulk.running():
        batch = await make(gateway, "a", "b", "c", "a")
        store = gateway.bulk.batches.store

        async def waits() -> bool:
            due = await store.next_due(batch.id)
            return due is not None and due > world.clock()

        async def ended() -> bool:
            return await counts(gateway, batch) == (0, 4, 0)

        await eventually(waits)
        await eventually(lambda: world.stub.batches)
        world.clock.advance(61)
        gateway.bulk.batches.tell()
        await eventually(ended)
        spent = sums(gateway)
        assert (spent.calls, spent.spent, spent.wasted) == (3, 3 * 15_000, 0)
        assert GOOD.encode() in await summary(gateway, "c")
    assert [each for each in world.seen if isinstance(each, BatchSubmitted)] == [
        BatchSubmitted("m", "batch_1", 3)
    ]
    assert (world.upstream.count, world.provider.single.calls) == (3, 0)


@pytest.mark.parametrize(("patience", "batch"), [(0.0, True), (DAY - 1, True), (DAY, False)])
async def test_who_has_no_patience_or_no_such_server_has_summaries_at_once(
    world: World, patience: float, batch: bool
) -> None:
    llm = {"base_url": world.model, "model": "m", "prices": {"m": PRICE}, "batch": batch}
    async with world.opened(llm=llm) as gateway:
        made = await make(gateway, "a", "b", patience=patience)
        await step(gateway, made)
        assert await counts(gateway, made) == (0, 2, 0)
    assert (world.stub.batches, world.provider.single.calls) == ({}, 2)


async def test_what_no_model_writes_is_done_at_once(world: World) -> None:
    async with world.opened() as gateway:
        batch = await make(gateway, "a", of="plain")
        await step(gateway, batch)
        assert await counts(gateway, batch) == (0, 1, 0)
        await step(gateway, await make(gateway, "b"))
        again = await make(gateway, "b", of="s")
        await step(gateway, again)
        assert (await counts(gateway, again))[0] == 1  # records alone are no answer
    assert len(world.stub.batches) == 2


async def test_a_summary_that_is_there_is_asked_for_by_nobody(world: World) -> None:
    async with world.opened() as gateway:
        first = await make(gateway, "a")
        await step(gateway, first)
        world.clock.advance(61)
        await step(gateway, first)
        again = await make(gateway, "a")
        await step(gateway, again)
        assert await counts(gateway, again) == (0, 1, 0)
    assert len(world.stub.batches) == 1


async def test_a_restart_asks_for_what_was_sent_and_pays_once(world: World) -> None:
    async with world.opened() as gateway:
        batch = await make(gateway, "a", "b")
        await step(gateway, batch)
        assert await counts(gateway, batch) == (2, 0, 0)
    async with world.opened() as gateway:
        await step(gateway, batch)
        assert await counts(gateway, batch) == (0, 2, 0)
        assert (sums(gateway).calls, sums(gateway).spent) == (2, 30_000)
        assert GOOD.encode() in await summary(gateway, "b")
    assert (len(world.stub.batches), world.upstream.count) == (1, 2)


async def test_a_process_that_dies_over_the_answers_counts_and_pays_them_once(
    world: World,
) -> None:
    world.stub.answer = lambda body: (
        completion(GOOD if '"name": "b"' in str(body) else "Take 900 mg.") | USAGE
    )
    async with world.opened() as gateway:
        batch = await make(gateway, "a", "b")
        await step(gateway, batch)
        stop = "CREATE TRIGGER stop BEFORE UPDATE OF status ON batch_items BEGIN {}; END"
        database = gateway.bulk.batches.store._database
        await database.change(stop.format("SELECT RAISE(ABORT, 'no')"))
        with pytest.raises(TierError):
            await step(gateway, batch)
        await database.change("DROP TRIGGER stop")
        assert await counts(gateway, batch) == (2, 0, 0)
        before = sums(gateway)
        assert (before.calls, before.wasted) == (3, 15_000)
    async with world.opened() as gateway:
        await step(gateway, batch)
        assert await counts(gateway, batch) == (0, 2, 0)
        assert sums(gateway).calls == 3
    assert (len(world.stub.batches), world.provider.single.calls) == (1, 1)


async def test_of_two_that_have_the_same_batch_one_sends_it(world: World) -> None:
    async with world.opened() as gateway:
        batch = await make(gateway, "a", "b")
        await gateway.bulk.work.do(batch, await gateway.bulk.batches.store.due(batch.id, 1e12, 9))
        later = gateway.bulk.work.later
        await asyncio.gather(later.step(batch), later.step(batch))
        assert await counts(gateway, batch) == (2, 0, 0)
    assert len(world.stub.batches) == 1


async def test_a_process_that_dies_while_it_submits_sends_nothing_twice(world: World) -> None:
    world.stub.loses = True
    async with world.opened() as gateway:
        batch = await make(gateway, "a", "b")
        await gateway.bulk.work.do(batch, await gateway.bulk.batches.store.due(batch.id, 1e12, 9))
        await gateway.bulk.work.later._send(batch, range(1 << 30))
    world.stub.loses = False
    async with world.opened() as gateway:
        await gateway.bulk.work.later.step(batch, range(1 << 30))
        assert await counts(gateway, batch) == (0, 2, 0)
        assert sums(gateway).calls == 2
    assert (len(world.stub.batches), world.stub.listed) == (1, 1)


async def test_what_was_never_taken_is_sent_again_after_a_while(world: World) -> None:
    world.stub.refuses = 500
    async with world.opened() as gateway:
        batch = await make(gateway, "a")
        await step(gateway, batch)
        world.stub.refuses = 0
        world.clock.advance(100)
        await step(gateway, batch)
        assert (world.stub.batches, world.stub.listed) == ({}, 1)
        world.clock.advance(300)
        await step(gateway, batch)
        world.clock.advance(61)
        await step(gateway, batch)
        assert await counts(gateway, batch) == (0, 1, 0)
        assert sums(gateway).calls == 1
    assert (len(world.stub.batches), world.provider.single.calls) == (1, 0)


@pytest.mark.parametrize("status", [401, 404])
async def test_where_the_provider_takes_no_batch_summaries_are_written_one_by_one(
    world: World, status: int
) -> None:
    world.stub.refuses = status
    async with world.opened() as gateway:
        batch = await make(gateway, "a", "b")
        await step(gateway, batch)
        assert await counts(gateway, batch) == (0, 2, 0)
        assert b"pain" in await summary(gateway, "a")
    assert world.provider.single.calls == 2


def _expired(body: dict[str, Any]) -> None:
    return None


def _failed(body: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": "server_error", "message": "no"}}


@pytest.mark.parametrize(
    ("status", "answer"),
    [("expired", _expired), ("completed", _failed), ("failed", _expired), ("cancelled", _expired)],
)
async def test_what_the_provider_did_not_do_is_asked_for_by_single_calls_at_their_price(
    world: World, status: str, answer: Callable[[dict[str, Any]], Any]
) -> None:
    world.stub.status = status
    world.stub.answer = lambda body: (
        completion(GOOD) | USAGE if '"name": "b"' in str(body) else answer(body)
    )
    async with world.opened() as gateway:
        batch = await make(gateway, "a", "b")
        await step(gateway, batch)
        world.clock.advance(61)
        await step(gateway, batch)
        assert await counts(gateway, batch) == (0, 2, 0)
        for name in "ab":
            assert b"pain" in await summary(gateway, name)
        single = world.provider.single
        assert single.calls == (2 if status == "failed" else 1)
        batched = 0 if status == "failed" else 15_000
        assert sums(gateway).spent == batched + 2_000 * (
            single.tokens["prompt"] + single.tokens["completion"]
        )


async def test_what_the_gate_refuses_is_counted_and_written_anew_by_a_single_call(
    world: World,
) -> None:
    world.stub.answer = lambda body: completion("Take 900 mg.") | USAGE
    async with world.opened() as gateway:
        batch = await make(gateway, "a")
        await step(gateway, batch)
        world.clock.advance(61)
        await step(gateway, batch)
        spent = sums(gateway)
        assert (spent.calls, spent.wasted) == (2, 15_000)
        assert b"900" not in await summary(gateway, "a")
        assert b"pain" in await summary(gateway, "a")
    assert world.provider.single.calls == 1


async def test_one_who_asks_meanwhile_waits_for_no_batch(world: World) -> None:
    async with world.opened() as gateway:
        batch = await make(gateway, "a")
        await step(gateway, batch)
        answer = await gateway.resolver.resolve(make_lookup(gateway.routes["s"], "a"))
        assert answer.degraded == ()
        world.clock.advance(61)
        await step(gateway, batch)
        assert await counts(gateway, batch) == (0, 1, 0)
        # What the batch brought for nobody is told all the same.
        assert (sums(gateway).calls, sums(gateway).wasted) == (2, 15_000)
    assert world.provider.single.calls == 1


async def test_a_batch_that_takes_longer_than_its_caller_waits_is_ended(world: World) -> None:
    world.stub.looks = 1_000
    async with world.opened() as gateway:
        batch = await make(gateway, "a")
        await step(gateway, batch)
        world.clock.advance(DAY + 1)
        await step(gateway, batch)
        assert world.stub.batches["batch_1"]["status"] == "cancelled"
        world.stub.batches["batch_1"]["left"] = 0
        await step(gateway, batch)
        assert await counts(gateway, batch) == (0, 1, 0)
        assert sums(gateway).spent == 15_000  # it was done in the last moment


async def test_a_provider_that_forgot_a_batch_or_has_no_answer_in_time_is_not_waited_for(
    world: World,
) -> None:
    async with world.opened() as gateway:
        first, second = await make(gateway, "a"), await make(gateway, "b")
        await step(gateway, first)
        await step(gateway, second)
        world.stub.batches.pop("batch_1")
        world.clock.advance(61)
        await step(gateway, first)
        assert await counts(gateway, first) == (0, 1, 0)
        world.clock.advance(DAY)
        world.stub.faults = [500]
        await step(gateway, second)
        assert await counts(gateway, second) == (0, 1, 0)
    assert world.provider.single.calls == 2


async def test_a_provider_that_has_no_room_is_sent_the_batch_later(world: World) -> None:
    world.stub.refuses = 429
    async with world.opened() as gateway:
        batch = await make(gateway, "a")
        await step(gateway, batch)
        world.stub.refuses = 0
        await step(gateway, batch)
        assert (world.stub.batches, await counts(gateway, batch)) == ({}, (1, 0, 0))
        for _ in range(2):
            world.clock.advance(61)
            await step(gateway, batch)
        assert await counts(gateway, batch) == (0, 1, 0)
    assert (len(world.stub.batches), world.provider.single.calls) == (1, 0)


async def test_what_was_sent_for_a_cancelled_batch_is_ended_and_what_it_cost_is_told(
    world: World,
) -> None:
    world.stub.looks = 1_000
    async with world.opened() as gateway:
        batch = await make(gateway, "a", "b")
        await step(gateway, batch)
        await gateway.bulk.batches.cancel(batch.id, "public")
        later = gateway.bulk.work.later
        await later.clear()
        world.stub.batches["batch_1"]["left"] = 0
        await asyncio.gather(later.clear(), later.clear())
        assert (sums(gateway).calls, sums(gateway).wasted) == (2, 30_000)
        await later.clear()
        assert sums(gateway).calls == 2


async def test_a_provider_that_cannot_be_asked_is_asked_later(world: World) -> None:
    async with world.opened() as gateway:
        batch = await make(gateway, "a")
        await step(gateway, batch)
        world.stub.faults = [500, 429, 401]
        for left in (1, 1, 1, 0):
            world.clock.advance(61)
            assert await gateway.bulk.batches.store.next_due(batch.id) <= world.clock()
            await step(gateway, batch)
            assert (await counts(gateway, batch))[0] == left
    assert len(world.stub.batches) == 1


async def test_a_budget_has_room_for_what_is_sent_and_no_more(world: World) -> None:
    names = [f"pill {number}" for number in range(30)]
    async with world.opened(budgets={"day": 0.02}) as gateway:
        batch = await make(gateway, *names)
        await step(gateway, batch)
        sent = world.stub.files["file-1"].count("\n")
        assert 0 < sent < 30
        other = await make(gateway, "another")
        await step(gateway, other)
        assert len(world.stub.batches) == 1  # what is sent holds its price
        world.clock.advance(61)
        await step(gateway, batch)
        assert sum((await counts(gateway, batch))[1:]) == 30


async def test_each_record_of_a_source_has_its_line(world: World) -> None:
    records = [{**RECORD, "id": str(number), "name": f"pill {number}"} for number in range(3)]
    world.upstream.default = Reply(records=records)
    async with world.opened() as gateway:
        batch = await make(gateway, "a", of="each")
        await step(gateway, batch)
        assert len(world.stub.batches) == 1
        assert (await counts(gateway, batch))[0] == 1
        world.stub.status = "expired"
        world.stub.answer = _expired
        world.clock.advance(61)
        await step(gateway, batch)
        assert await counts(gateway, batch) == (0, 1, 0)
    assert replace(batch, state="done").patience == DAY
