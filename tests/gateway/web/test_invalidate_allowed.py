"""What a key may withdraw, and of whose answers."""

from __future__ import annotations

from contextlib import AsyncExitStack

import orjson

from gateway.access.identity import EVERYTHING
from gateway.config import Config
from gateway.events import Audited
from tests.clocks import ManualClock
from tests.gateway.web.raw_http import ASPIRIN, Raw, get, talk
from tests.gateway.web.seated import keyed, required
from tests.gateway.web.served import World


async def withdraw(world: World, shown: str, body: object) -> Raw:
    text = orjson.dumps(body)
    lines = ("POST /v1/invalidate HTTP/1.1", "Host: a", shown, f"Content-Length: {len(text)}")
    (raw,) = await talk(world.port, ["\r\n".join((*lines, "", "")).encode() + text], 1)
    return raw


async def test_a_key_for_some_sources_withdraws_nothing_that_others_may_hold(
    config: Config, clock: ManualClock
) -> None:
    sources = frozenset({"medicine"})
    (narrow,) = await keyed(config, "acme", sources=sources, scopes=EVERYTHING)
    (whole,) = await keyed(config, "acme", scopes=EVERYTHING)
    async with AsyncExitStack() as stack:
        world = await World.opened(stack, required(config, "tenant"), clock)
        for body in ({"all": True}, {"tag": "x"}):
            assert (await withdraw(world, narrow, body)).status == 403
            assert (await withdraw(world, whole, body)).status == 200
        assert (await withdraw(world, narrow, {"source": "plain"})).status == 404
        assert (await withdraw(world, narrow, {"source": "medicine"})).status == 200
        told = [(event.tenant, event.target) for event in world.told(Audited)]
        assert told == [("acme", "all"), ("acme", "tag:x"), ("acme", "source:medicine")]


async def test_what_is_everybodys_is_withdrawn_for_everybody(
    config: Config, clock: ManualClock
) -> None:
    acme, other = await keyed(config, "acme", "other", scopes=EVERYTHING)
    async with AsyncExitStack() as stack:
        world = await World.opened(stack, required(config, "public"), clock)
        for shown, told in ((acme, "stored"), (other, "detail=memory")):
            (raw,) = await talk(world.port, [get(ASPIRIN, shown)], 1)
            assert raw.headers["cache-status"].endswith(told)
        assert (await withdraw(world, acme, {"source": "plain"})).status == 200
        (raw,) = await talk(world.port, [get(ASPIRIN, other)], 1)
        assert raw.headers["cache-status"].endswith("stored")
