from __future__ import annotations

import asyncio
import random
from pathlib import Path

import orjson
import pytest

from bench import client, filled, hits, peers, shapes
from bench.peers import Served
from bench.shapes import Plan, Row, Shape
from gateway.assembly import open_gateway
from gateway.config import load_config
from tests.serving import decoded, served


@pytest.mark.parametrize("size", [1 << 10, 64 << 10])
async def test_what_memory_is_filled_with_is_found_and_as_long_as_was_asked_for(
    tmp_path: Path, size: int
) -> None:
    path = tmp_path / "shape.yaml"
    path.write_bytes(orjson.dumps(hits.configuration(path, "8MiB", 1)))
    async with open_gateway(load_config(path, {})) as gateway, served(gateway) as session:
        route = gateway.routes[filled.SOURCE]
        # Who asks without a key is of the tenant whose answers are everybody's.
        for number in (0, 12):
            gateway.tiers.memory.keep(filled.make_entry(route, number, size, "public"))
        async with session.get(f"/v1/search?source=bench&q=name+{12}") as answer:
            body = await decoded(answer)
            assert answer.headers["Cache-Status"].endswith("detail=memory")
    assert abs(len(body) - size) < size / 10
    assert orjson.loads(body)["items"][0]["name"] == "name 12"


async def test_tenants_share_the_entries_evenly(tmp_path: Path) -> None:
    path = tmp_path / "shape.yaml"
    path.write_bytes(orjson.dumps(hits.configuration(path, "8MiB", 1)))
    async with open_gateway(load_config(path, {})) as gateway:
        made = list(filled.entries(gateway.routes[filled.SOURCE], 6, 1024, 3))
    assert len({entry.key for entry in made}) == 6
    assert [entry.key.split(":")[1] for entry in made[:3]] == ["tenant-0", "tenant-1", "tenant-2"]


def test_hits_and_misses_of_a_served_gateway_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "apart", lambda *given: asyncio.run(client.play(*given)))
    shape, chance = Shape("half", 20, tokens=2, share=0.5, tier="sqlite"), random.Random(1)
    with peers.printed("bench.bare") as bare, shapes.serving(shape, bare.port) as row:
        row.warm(40, chance)
        row.measure(40, chance)
    assert row.cpu[0] > 0
    assert row.failed == 0
    assert 0 < row.cold < 40


def test_each_ratio_is_that_of_the_rounds_in_which_the_row_took_turns() -> None:
    nobody = Served(0, 0)
    first = Row(Shape("one"), nobody, [], [10.0, 10.0, 90.0, 20.0, 20.0, 20.0])
    quickly, slowly = [5.0, 5.0, 5.0], [30.0, 40.0, 50.0]
    groups = [[Row(Shape("two"), nobody, [], quickly)], [Row(Shape("three"), nobody, [], slowly)]]
    text = shapes.report(first, groups)
    assert "| two | 5.0 | 0.50 × |" in text
    assert "| three | 40.0 | 2.00 × |" in text


def test_a_quick_run_has_every_row_at_a_hundredth() -> None:
    plan = Plan(shapes.GROUPS, shapes.FIRST)
    small = shapes.quick(plan)
    assert [len(group) for group in small.groups] == [len(group) for group in plan.groups]
    names = [shape.name for group in small.groups for shape in group]
    assert len(set(names)) == len(names)
    assert max(shape.entries for group in small.groups for shape in group) == 10_000
