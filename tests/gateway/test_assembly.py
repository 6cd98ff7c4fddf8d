from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from aiohttp.test_utils import TestServer

from adapters.errors import Kind, UpstreamError
from adapters.source import Attribution, Payload, Query
from gateway.answer import Answer
from gateway.assembly import Gateway, open_gateway
from gateway.config import Config, ConfigError, SourceSection, load_config
from gateway.events import CircuitChanged, Event, Events
from gateway.lookup import make_lookup
from gateway.parts import open_parts
from storage.tier import TierError
from tests.adapters.llm.stub_chat import StubChat, completion
from tests.clocks import ManualClock
from tests.stub_upstream import Reply, StubUpstream, source

TEXT = "Aspirin is used against pain. Take one tablet a day."
RECORD = {"id": "1", "name": "Aspirin", "use": TEXT}
FRESHNESS = {"ttl": "100s", "stale_while_revalidate": "50s", "stale_if_error": "1h", "jitter": 0}
LIMITS = {"retries": 0, "breaker": {"failures": 5, "reset": "60s"}}


@pytest.fixture
async def upstream() -> AsyncIterator[StubUpstream]:
    async with StubUpstream(Reply(records=[RECORD])) as stub:
        yield stub


def config(folder: Path, upstream: StubUpstream, **sections: Any) -> Config:
    document = {
        "database": {"url": f"sqlite+aiosqlite:///{folder / 'lookup.db'}"},
        "sources": {
            "s": source(
                upstream.url,
                freshness=FRESHNESS,
                limits=LIMITS,
                summary={"roles": {"purpose": ["use"]}, "language": "en"},
            )
        },
        **sections,
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(document))
    return load_config(path, {})


async def ask(gateway: Gateway, q: str = "aspirin") -> Answer:
    return await gateway.resolver.resolve(make_lookup(gateway.routes["s"], q))


async def test_after_a_restart_the_answer_comes_from_the_database(
    tmp_path: Path, upstream: StubUpstream
) -> None:
    for expected in ("", "database"):
        async with open_gateway(config(tmp_path, upstream)) as gateway:
            assert (await ask(gateway)).tier == expected
            assert (await ask(gateway)).tier == "memory"
    assert upstream.count == 1


async def test_five_failures_open_the_circuit_and_one_trial_closes_it(
    tmp_path: Path, upstream: StubUpstream
) -> None:
    clock, seen = ManualClock(), list[Event]()
    events = Events(seen.append)
    async with open_gateway(config(tmp_path, upstream), events=events, clock=clock) as gateway:
        await ask(gateway, "kept")
        clock.advance(151)
        await upstream.stop()
        for number in range(5):
            with pytest.raises(UpstreamError):
                await ask(gateway, f"cold {number}")
        with pytest.raises(UpstreamError) as refused:
            await ask(gateway, "cold")
        assert refused.value.kind is Kind.CIRCUIT_OPEN
        assert refused.value.retry_after == 60

        stale = await ask(gateway, "kept")
        assert stale.degraded == ("stale",)

        clock.advance(60)
        await upstream.start()
        calls = upstream.count
        upstream.gate.clear()
        trial = asyncio.create_task(ask(gateway, "trial"))
        await upstream.arrived(calls + 1)
        with pytest.raises(UpstreamError) as second:
            await ask(gateway, "second")
        assert second.value.kind is Kind.CIRCUIT_OPEN
        upstream.gate.set()
        assert (await trial).outcome == "miss"
        assert (await ask(gateway, "after")).outcome == "miss"
    changes = [(event.before, event.after) for event in seen if isinstance(event, CircuitChanged)]
    assert ("closed", "open") in changes
    assert changes[-1][1] == "closed"


async def test_a_model_writes_the_summary_and_without_it_the_records_are_the_answer(
    tmp_path: Path, upstream: StubUpstream
) -> None:
    chat = StubChat()
    chat.body = completion(TEXT)
    server = TestServer(chat.app())
    await server.start_server()
    llm = {"base_url": str(server.make_url("/v1")), "api_key": "k", "model": "m"}
    async with open_gateway(config(tmp_path, upstream, llm=llm)) as gateway:
        answer = await ask(gateway)
        assert answer.degraded == ()
        assert orjson.loads(answer.body())["summary"]["by"] == "openai:m"
        for tier in ("memory", "database"):
            assert (await gateway.tiers.find(answer.entry.key)) is not None, tier
        await server.close()
        upstream.default = Reply(records=[{**RECORD, "use": "It lowers fever."}])
        without = await ask(gateway, "another")
        assert without.degraded == ("summary",)
        assert orjson.loads(without.body())["items"][0]["name"] == "Aspirin"


async def test_nobody_loads_the_sdk_who_configures_no_model(
    tmp_path: Path, upstream: StubUpstream
) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; from gateway.config import load_config;"
        "from gateway.assembly import open_gateway\n"
        "async def main():\n"
        "    async with open_gateway(load_config(Path(sys.argv[1]), {})): pass\n"
        "asyncio.run(main()); sys.exit('openai' in sys.modules)"
    )
    config(tmp_path, upstream)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(tmp_path / "config.yaml"), cwd=Path(__file__).parents[2]
    )
    assert await process.wait() == 0


async def test_a_wrong_expression_names_its_place(tmp_path: Path, upstream: StubUpstream) -> None:
    wrong = source(upstream.url)
    wrong["response"]["records"] = "items["
    async with AsyncExitStack() as stack:
        with pytest.raises(ConfigError, match=r"sources\.s\.response\.records"):
            await open_parts(config(tmp_path, upstream, sources={"s": wrong}), stack, Events())


async def test_a_database_that_cannot_be_opened_says_which(
    tmp_path: Path, upstream: StubUpstream
) -> None:
    nowhere = {"url": f"sqlite+aiosqlite:///{tmp_path / 'no' / 'such' / 'x.db'}"}
    with pytest.raises(TierError, match=r"x\.db"):
        async with open_gateway(config(tmp_path, upstream, database=nowhere)):
            pass


class OwnSource:
    """An operator's own source."""

    def __init__(self, name: str, section: SourceSection) -> None:
        self.credit = Attribution(f"{name}: {section.description}")

    async def fetch(self, query: Query) -> Payload:
        return Payload(({"id": "1", "name": query.text},), 1, self.credit, 0.0)


async def test_a_source_may_be_a_class_of_ones_own(tmp_path: Path, upstream: StubUpstream) -> None:
    own = {"adapter": f"{__name__}:OwnSource", "description": "mine", "summary": {"by": "none"}}
    async with open_gateway(config(tmp_path, upstream, sources={"s": own})) as gateway:
        answer = await ask(gateway, "me")
        assert orjson.loads(answer.body())["attribution"]["text"] == "s: mine"
    gone = {**own, "adapter": "no_such_module:Source"}
    async with AsyncExitStack() as stack:
        with pytest.raises(ConfigError, match=r"sources\.s\.adapter.*no_such_module"):
            await open_parts(config(tmp_path, upstream, sources={"s": gone}), stack, Events())


async def test_terms_that_forbid_a_models_summary_are_kept(
    tmp_path: Path, upstream: StubUpstream
) -> None:
    forbids = {"terms": {"llm_summary_allowed": False}}
    llm = {"base_url": "http://127.0.0.1:9/v1"}
    auto = source(upstream.url, **forbids)
    async with AsyncExitStack() as stack:
        parts = await open_parts(
            config(tmp_path, upstream, sources={"s": auto}, llm=llm), stack, Events()
        )
        summarizer = parts.routes["s"].summarizer
        assert summarizer is not None
        assert summarizer.name == "extractive"
        asked = source(upstream.url, **forbids, summary={"by": "openai"})
        with pytest.raises(ConfigError, match="forbid"):
            await open_parts(
                config(tmp_path, upstream, sources={"s": asked}, llm=llm), stack, Events()
            )


async def test_replicas_of_the_database_are_read_only_while_the_log_is_known(
    tmp_path: Path, upstream: StubUpstream, postgres_url: str
) -> None:
    nobody = "postgresql+asyncpg://postgres@127.0.0.1:9/x"
    database = {"url": postgres_url, "replicas": [nobody], "write": "through"}
    async with open_gateway(config(tmp_path, upstream, database=database)) as gateway:
        tiers: Any = gateway.tiers
        reads = tiers._tiers[-1].reads
        assert reads.vouched()
        tiers.withdrawals.until = 0.0
        assert not reads.vouched()
