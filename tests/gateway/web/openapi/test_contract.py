"""Whatever is sent, the answer is one that is described, and no 5xx; `make contract` sends more."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.assembly import open_gateway
from gateway.config import load_config
from gateway.web.openapi.document import DESCRIBED, statuses
from tests.serving import decoded, served

ROOT = Path(__file__).resolve().parents[4]
SLOW = {("POST", "/v1/debug/profile")}
LIKELY = ("medicine", "drug-label", "타이레놀", "게보린", "wait", "none", "ko", "id,name", "1", "0")

texts = st.one_of(st.sampled_from(LIKELY), st.text(max_size=30), st.integers().map(str))
plain = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)


@dataclass(frozen=True)
class Sent:
    """A made-up request."""

    method: str
    path: str
    target: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes | None


@st.composite
def requests(draw: st.DrawFn) -> Sent:
    """Make up a request of a described route, likely enough to get past its first checks."""
    method, path = draw(st.sampled_from(sorted(set(DESCRIBED) - SLOW)))
    operation = DESCRIBED[method, path]
    of = {place: [p.name for p in operation.parameters if p.place == place] for place in PLACES}
    names = st.sampled_from([*of["query"], "radius"])
    query = draw(st.lists(st.tuples(names, texts), max_size=4, unique_by=lambda pair: pair[0]))
    headers = {name: draw(plain).strip() for name in of["header"] if draw(st.booleans())}
    headers |= draw(st.sampled_from([{}, {"If-None-Match": "*"}, {"Accept-Encoding": "br;q=0"}]))
    return Sent(method, path, target(path, draw), query, headers, draw(bodies(operation.body)))


PLACES = ("query", "path", "header")


def target(path: str, draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(["base.css", "nothing", "0"]))
    return path.replace("{name}", name).replace("{id}", name)


def bodies(kind: Any) -> st.SearchStrategy[bytes | None]:
    """Make up bodies: members that the route takes with any values, any JSON, any bytes."""
    if kind is None:
        return st.none()
    members = [*kind.__struct_fields__, "junk"]
    wanted = st.dictionaries(st.sampled_from(members), values, max_size=4)
    likely = st.fixed_dictionaries(
        {}, optional={name: st.one_of(texts, values) for name in members}
    )
    return st.one_of(likely.map(as_json), wanted.map(as_json), values.map(as_json), st.binary())


def as_json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def client(
    runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[aiohttp.ClientSession]:
    """Serve the project's own configuration, which needs no network."""
    database = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('contract')}/contract.db"
    config = load_config(ROOT / "config.yaml", {"DATABASE_URL": database})
    ready: asyncio.Future[aiohttp.ClientSession]
    done = asyncio.Event()

    async def serve() -> None:
        async with open_gateway(config) as gateway, served(gateway) as session:
            ready.set_result(session)
            await done.wait()

    async def begin() -> tuple[aiohttp.ClientSession, asyncio.Task[None]]:
        nonlocal ready
        ready = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(serve())
        return await ready, task

    async def end(task: asyncio.Task[None]) -> None:
        done.set()
        await task

    session, task = runner.run(begin())
    yield session
    runner.run(end(task))


async def ask(client: aiohttp.ClientSession, sent: Sent) -> None:
    async with client.request(
        sent.method, sent.target, params=sent.query, headers=sent.headers, data=sent.body
    ) as response:
        assert response.status in statuses(sent.method, sent.path)
        assert response.status < 500
        assert response.headers["X-Request-Id"]
        if response.status >= 400:
            assert response.content_type == "application/problem+json"
            assert orjson.loads(await decoded(response))["status"] == response.status


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(sent=requests())
def test_whatever_is_sent_gets_an_answer_that_is_described(
    runner: asyncio.Runner, client: aiohttp.ClientSession, sent: Sent
) -> None:
    runner.run(ask(client, sent))
