from __future__ import annotations

import random
import xml.etree.ElementTree as ET

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bench import client, hitpath, plot
from bench.peers import Served
from bench.requests import Requests


def row(name: str, cpu: float, p99: float) -> hitpath.Row:
    return hitpath.Row(name, Served(0, 0), [cpu, cpu * 9, cpu], [1.0], [10.0], [p99])


def test_ratios_are_of_medians_and_say_where_they_fall_short() -> None:
    rows = [row(hitpath.NGINX, 30.0, 500.0), row(hitpath.PROTOCOL, 10.0, 400.0)]
    text = hitpath.report([*rows, row(hitpath.GATEWAY, 15.0, 700.0)])
    assert f"against {hitpath.NGINX} | 1.5 × | 2.00 × |" in text
    assert f"against {hitpath.PROTOCOL} | 0.75 × | 0.67 ×, short of it |" in text
    assert "at most 1.3 × | 1.40 ×, short of it" in text
    assert "Varnish" not in text


def test_requests_differ_in_their_trace_and_ask_for_the_first_name_most() -> None:
    requests = Requests(["a", "b"], 50, random.Random(1))
    drawn = [requests.draw() for _ in range(500)]
    assert len(set(drawn)) == 500
    first, second = (sum(b"name+%d " % name in each for each in drawn) for name in (0, 9))
    assert first > 3 * second
    assert [b"Bearer a" in each for each in requests.of_each_token()] == [True, False]


@pytest.mark.parametrize("rate", [None, 500.0])
async def test_the_client_sends_every_request_and_counts_what_fails(rate: float | None) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.query["q"])
        return web.Response(status=500 if request.query["q"] == "name 3" else 200)

    app = web.Application()
    app.add_routes([web.get("/v1/search", answer)])
    requests = Requests(["a"], 50, random.Random(1))
    async with TestServer(app) as server:
        assert server.port is not None
        outcome = await client.play(
            server.port, [requests.of(number) for number in range(50)], 4, rate
        )
    assert sorted(asked) == sorted(f"name {number}" for number in range(50))
    assert (len(outcome.latencies), outcome.failed) == (50, 1)
    assert outcome.at(0.5) <= outcome.at(0.99)
    assert rate is None or outcome.seconds >= 49 / rate


def test_a_plot_is_an_svg_with_a_bar_for_each() -> None:
    root = ET.fromstring(plot.bars("a < b", [("one", 1.0), ("two", 2.0)]))
    assert len(root.findall("{http://www.w3.org/2000/svg}rect")) == 2
