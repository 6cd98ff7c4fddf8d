"""CPU of a whole hit, its request parsed and counted, as what is kept grows to a million entries.

``python -m bench growth [--entries N ...]``. One process, no socket: requests by Zipf(1), and
evenly, go through a connection's protocol to a transport that throws its bytes away, as in
`bench.instructions`. Entries of 0.3 KB are put into memory, and what is ready for each is learned,
as a request would do; what is told of the hits, once for each name, is a column of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import structlog
from msgspec.structs import replace

from bench import memory
from bench.instructions import Served, opened
from bench.requests import Requests
from gateway.answer import Answer
from gateway.collection import settle
from gateway.web.hit_path import HITS
from gateway.web.parameters import Asker, search_of

SIZES = (100, 10_000, 1_000_000)
BODY = 300
_TIMES = 20_000
_ROUNDS = 4


def learn(served: Served, numbers: Sequence[int]) -> None:
    """Have an entry for each of *numbers* in memory, and what its request is answered with."""
    routes, hits = served.gateway.routes, served.app[HITS]
    asker, now = Asker("tenant-0", routes), time.time()
    for number in numbers:
        asked = search_of({"source": "bench", "q": f"name {number}"}, asker)
        kept = memory.entry(number, BODY)
        records = replace(kept.records, at=now)
        entry = replace(kept, key=asked.lookup.key, records=records, keep_until=now + 1e6)
        served.gateway.tiers.memory.keep(entry)
        answer = Answer(entry, asked.route.freshness, "hit", "memory", now)
        request: Any = SimpleNamespace(
            method="GET", headers={}, raw_path=f"/v1/search?source=bench&q=name+{number}"
        )
        hits.learn(request, asked, answer, f'W/"{number:024x}"')


def cost(served: Served, requests: Sequence[bytes]) -> tuple[float, float]:
    """Return the seconds that all *requests* take, and those that telling of them takes."""
    tell, answering, telling = served.app[HITS].flush, [], []
    for _ in range(_ROUNDS):
        before = served.sink.replies
        answering.append(_seconds(partial(_ask, served.protocol, requests)))
        telling.append(_seconds(tell))
        assert served.sink.replies - before == len(requests), "a request was no hit"
    return min(answering), min(telling)


def _ask(protocol: asyncio.Protocol, requests: Sequence[bytes]) -> None:
    for one in requests:
        protocol.data_received(one)


def _seconds(work: Callable[[], object]) -> float:
    started = time.thread_time()
    work()
    return time.thread_time() - started


async def run(sizes: Sequence[int]) -> None:
    """Print the table."""
    say, learned = sys.stdout.write, 0
    say("| entries | asked | µs a hit | telling of it |\n|---|---|---|---|\n")
    with tempfile.TemporaryDirectory() as folder:
        async with opened(Path(folder), max_bytes="2GiB", ready_bytes="4GiB") as served:
            first = Requests(served.tokens, 1, random.Random(1))
            await served.ask([first.of(0), *first.of_each_token() * 3])
            settle()
            for size in sizes:
                learn(served, range(learned, size))
                learned = size
                chance = random.Random(2)
                drawn = Requests(served.tokens, size, chance)
                ways = {
                    "by Zipf(1)": [drawn.draw() for _ in range(_TIMES)],
                    "evenly": [drawn.of(chance.randrange(size)) for _ in range(_TIMES)],
                }
                for way, requests in ways.items():
                    hit, told = cost(served, requests)
                    say(f"| {size:,} | {way} ")
                    say(f"| {hit / _TIMES * 1e6:.1f} | {told / _TIMES * 1e6:.1f} |\n")


def main(arguments: Sequence[str] = ()) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench growth", description=__doc__)
    parser.add_argument("--entries", type=int, nargs="*", default=SIZES)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    asyncio.run(run(parser.parse_args(arguments).entries))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
