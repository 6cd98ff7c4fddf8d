"""``/v1/watches``, over real connections, a real upstream and a real webhook."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import msgspec
import orjson
import pytest

from gateway.assembly import Gateway
from gateway.config import Config
from gateway.events import Audited, Event
from gateway.watches.spec import WatchesSpec
from tests.clocks import ManualClock
from tests.gateway.watches.receiver import receiving
from tests.stub_upstream import Reply, StubUpstream
from tests.waiting import eventually

PATH = "/v1/watches"
LOOKUP = {"source": "plain", "q": "tylenol"}
WATCH = {"lookup": LOOKUP, "schedule": "15m"}
SPEC = WatchesSpec(webhook_hosts=("127.0.0.1",), secret="s" * 24, allow_private=True, max_watches=3)


@pytest.fixture
def config(config: Config) -> Config:
    return msgspec.structs.replace(config, watches=SPEC)


async def ask(
    client: aiohttp.ClientSession, method: str, path: str, body: object = None
) -> tuple[int, Any]:
    data = None if body is None else orjson.dumps(body)
    async with client.request(method, path, data=data) as response:
        told = await response.read()
        return response.status, orjson.loads(told) if told else None


async def test_a_watch_is_made_listed_changed_and_deleted(
    client: aiohttp.ClientSession, gateway: Gateway
) -> None:
    seen: list[Event] = []
    gateway.events.subscribe(seen.append)
    body = {**WATCH, "note": "price", "category": "stock", "zone": "Asia/Seoul"}
    status, made = await ask(client, "POST", PATH, body)
    assert (status, made["lookup"], made["note"], made["checked"]) == (201, LOOKUP, "price", None)
    path = f"{PATH}/{made['id']}"
    assert await ask(client, "GET", path) == (200, made)
    assert await ask(client, "GET", PATH) == (200, {"watches": [made]})
    status, changed = await ask(client, "PATCH", path, {"schedule": "0 9 * * *", "note": None})
    assert (status, changed["schedule"], changed["note"]) == (200, "0 9 * * *", None)
    assert changed["category"] == "stock"
    assert await ask(client, "DELETE", path) == (204, None)
    for method in ("GET", "DELETE"):
        assert (await ask(client, method, path))[0] == 404
    assert (await ask(client, "PATCH", path, {}))[0] == 404
    told = [event.action for event in seen if isinstance(event, Audited)]
    assert told == ["watch.created", "watch.changed", "watch.deleted"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/lookup"),
        ({"lookup": LOOKUP}, "/schedule"),
        ({**WATCH, "schedule": "soon"}, "/schedule"),
        ({**WATCH, "schedule": "1s"}, "/schedule"),
        ({**WATCH, "schedule": 15}, "/schedule"),
        ({**WATCH, "zone": "Mars"}, "/zone"),
        ({**WATCH, "lookup": "tylenol"}, "/lookup"),
        ({**WATCH, "lookup": {"source": "plain"}}, "/lookup"),
        ({**WATCH, "webhook": "https://evil.example/"}, "/webhook"),
        ({**WATCH, "note": "n" * 501}, "/note"),
        ({**WATCH, "colour": "red"}, "/colour"),
    ],
)
async def test_a_body_that_is_no_watch_is_a_problem_that_says_where(
    client: aiohttp.ClientSession, body: dict[str, Any], pointer: str
) -> None:
    status, problem = await ask(client, "POST", PATH, body)
    assert (status, problem["pointer"]) == (400, pointer)


async def test_a_tenant_has_so_many(client: aiohttp.ClientSession) -> None:
    for _ in range(3):
        assert (await ask(client, "POST", PATH, WATCH))[0] == 201
    assert (await ask(client, "POST", PATH, WATCH))[0] == 429


async def test_a_change_calls_the_webhook_and_is_on_the_events(
    client: aiohttp.ClientSession, gateway: Gateway, upstream: StubUpstream, clock: ManualClock
) -> None:
    async with receiving() as receiver:
        body = {**WATCH, "webhook": receiver.url, "category": "stock"}
        _, made = await ask(client, "POST", PATH, body)
        async with gateway.bulk.running():

            async def checked() -> bool:
                (_, watch) = await ask(client, "GET", f"{PATH}/{made['id']}")
                return watch["checked"] is not None

            await eventually(checked)
            upstream.default = Reply(records=[{"id": "1", "name": "Tylenol", "use": "new"}])
            clock.advance(900)
            gateway.bulk.watches.tell()
            async with asyncio.timeout(30):
                await receiver.called.wait()
        ((headers, called),) = receiver.calls
        assert headers["Webhook-Signature"].startswith("v1,")
        told = orjson.loads(called)
        assert told["type"] == "watch.changed"
        assert told["data"]["changes"]["changed"][0]["fields"]["use"]["after"] == "new"
        lines = [orjson.loads(line.body) for line in await gateway.journal.since("0-0", 100)]
        assert told["data"] in [line["data"] for line in lines]
    assert upstream.count == 2
