"""Minutes with an upstream that hangs, fails, slows, dies and recovers at random, over real HTTP.

``python -m bench soak [--seconds 300] [--rate 60]``. The gateway is a process of its own; its
callers come at their own pace, whether it is quick or not.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from random import Random

import aiohttp
import orjson

from bench.hits import running
from tests.stub_upstream import Drop, Hang, Reply, StubUpstream

NAMES = 400
NEW = 0.02
"""The share of lookups of a name that nobody has asked before."""
MOOD_SECONDS = (2.0, 8.0)
MOODS = ("well", "well", "failing", "slow", "hanging", "mixed", "dead")
WELL = Reply(echo=True, delay=0.05)
BEHAVIORS = {
    "well": (WELL,),
    "failing": (Reply(status=500), Reply(status=503, headers={"Retry-After": "2"}), Drop()),
    "slow": (Reply(echo=True, delay=1.5),),
    "hanging": (Hang(),),
    "mixed": (
        WELL,
        WELL,
        Reply(status=500),
        Reply(echo=True, delay=1.0),
        Reply(echo=True, cut=True),
    ),
    "dead": (WELL,),
}


@dataclass(slots=True)
class Seen:
    """What the callers and the watchers saw."""

    latencies: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Milliseconds by kind of answer."""
    rss: list[int] = field(default_factory=list)
    """Bytes, once a second."""
    oldest: float = 0.0
    """Seconds that the oldest flight ever was old."""
    waiters: int = 0
    moods: Counter[str] = field(default_factory=Counter)
    """Seconds in each."""

    @property
    def requests(self) -> int:
        return sum(map(len, self.latencies.values()))

    @property
    def answered(self) -> float:
        """The share of requests that got records."""
        failed = sum(len(all_) for kind, all_ in self.latencies.items() if kind.startswith("5"))
        return 1 - failed / max(1, self.requests)

    @property
    def growth(self) -> float:
        """By what share the memory grew between the second and the last fifth of the time."""
        fifth = max(1, len(self.rss) // 5)
        before, after = self.rss[fifth : 2 * fifth], self.rss[-fifth:]
        if not before:
            return 0.0
        return statistics.median(after) / statistics.median(before) - 1


def settings(folder: Path, upstream: str) -> dict[str, object]:
    """Return a configuration whose answers age within seconds."""
    source = {
        "adapter": "declarative",
        "request": {
            "url": f"{upstream}/items",
            "params": {"q": "{q}"},
            "allow_private": True,
            "timeout": "2s",
        },
        "response": {"records": "items", "total": "total", "id": "id", "fields": {"name": "name"}},
        "freshness": {"ttl": "5s", "stale_while_revalidate": "10s", "stale_if_error": "5m"},
        "limits": {
            "concurrency": 32,
            "soft_timeout": "500ms",
            "deadline": "4s",
            "breaker": {"reset": "2s"},
        },
        "summary": {"by": "none"},
    }
    return {
        "memory": {"max_bytes": "16MiB"},
        "database": {"url": f"sqlite+aiosqlite:///{folder / 'soak.db'}"},
        "sources": {"soak": source},
    }


async def soak(seconds: float, rate: float, seed: int = 1) -> Seen:
    """Run it all for *seconds* with *rate* callers a second."""
    seen, rng = Seen(), Random(seed)
    # Handlers of the stub that hung when it was killed are told of by asyncio; that is meant.
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    with tempfile.TemporaryDirectory() as name:
        async with StubUpstream(WELL) as upstream:
            gateway = running(Path(name) / "soak.yaml", settings(Path(name), upstream.url))
            pid, port = await asyncio.to_thread(gateway.__enter__)
            watchers = []
            try:
                session = aiohttp.ClientSession(
                    f"http://127.0.0.1:{port}", connector=aiohttp.TCPConnector(limit=0)
                )
                async with session:
                    watchers = [
                        asyncio.create_task(_vary(upstream, seen, rng)),
                        asyncio.create_task(_watch(session, pid, seen)),
                    ]
                    await _call(session, seen, Random(seed + 1), seconds, rate)
            finally:
                for watcher in watchers:
                    watcher.cancel()
                await asyncio.gather(*watchers, return_exceptions=True)
                await asyncio.to_thread(gateway.__exit__, None, None, None)
    return seen


async def _vary(upstream: StubUpstream, seen: Seen, rng: Random) -> None:
    """Change the upstream's mood at random; half of its calls behave like the mood's next."""
    mood = "well"
    while True:
        lasts = rng.uniform(*MOOD_SECONDS)
        seen.moods[mood] += round(lasts)
        ends = time.monotonic() + lasts
        if mood == "dead":
            await upstream.stop()
            await asyncio.sleep(lasts)
            await upstream.start()
        else:
            while time.monotonic() < ends:
                upstream.default = rng.choice(BEHAVIORS[mood])
                await asyncio.sleep(0.02)
        # Whoever hung may hang on; what was counted is counted.
        upstream.calls.clear()
        mood = rng.choice(MOODS)


async def _watch(session: aiohttp.ClientSession, pid: int, seen: Seen) -> None:
    while True:
        await asyncio.sleep(1)
        seen.rss.append(_rss(pid))
        async with session.get("/readyz") as response:
            flights = orjson.loads(await response.read())["flights"]
        seen.oldest = max(seen.oldest, flights["oldest_seconds"])
        seen.waiters = max(seen.waiters, flights["waiters"])


async def _call(
    session: aiohttp.ClientSession, seen: Seen, rng: Random, seconds: float, rate: float
) -> None:
    weights = list(accumulate(1 / rank for rank in range(1, NAMES + 1)))
    loop = asyncio.get_running_loop()
    ends, number = loop.time() + seconds, 0
    async with asyncio.TaskGroup() as group:
        while loop.time() < ends:
            await asyncio.sleep(rng.expovariate(rate))
            number += 1
            [name] = rng.choices(range(NAMES), cum_weights=weights)
            asked = f"new {number}" if rng.random() < NEW else f"name {name}"
            group.create_task(_ask(session, asked, seen))


async def _ask(session: aiohttp.ClientSession, name: str, seen: Seen) -> None:
    began = time.perf_counter()
    try:
        async with session.get("/v1/search", params={"source": "soak", "q": name}) as response:
            body = await response.read()
    except aiohttp.ClientError as error:
        kind = f"599 {type(error).__name__}"
    else:
        kind = _kind(response, body)
    seen.latencies[kind].append((time.perf_counter() - began) * 1000)


def _kind(response: aiohttp.ClientResponse, body: bytes) -> str:
    if response.status != 200:
        return f"{response.status} {orjson.loads(body).get('title', '')}"
    status = response.headers.get("Cache-Status", "")
    if "stale" in orjson.loads(body)["degraded"]:
        return "stale"
    if "; hit" in status:
        return "hit"
    return "shared another's call" if "collapsed" in status else "fetched"


def _rss(pid: int) -> int:
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * 4096


def report(seen: Seen) -> str:
    """Return the table."""
    rows = ["| answer | share | p50 ms | p99 ms | longest ms |", "|---|---|---|---|---|"]
    every = [each for kind in seen.latencies.values() for each in kind]
    ordered = sorted(seen.latencies.items(), key=lambda pair: -len(pair[1]))
    for kind, measured in [*ordered, ("all", every)]:
        found = sorted(measured)
        p99 = found[min(len(found) - 1, int(len(found) * 0.99))]
        rows.append(
            f"| {kind} | {len(found) / seen.requests:.2%} | {statistics.median(found):.1f} "
            f"| {p99:.0f} | {found[-1]:.0f} |"
        )
    moods = ", ".join(f"{mood} {seconds} s" for mood, seconds in seen.moods.most_common())
    last = seen.rss[-1] / 2**20 if seen.rss else 0.0
    return "\n".join(
        (
            *rows,
            "",
            f"{seen.requests} requests, {seen.answered:.2%} answered; upstream: {moods}",
            f"memory {last:.0f} MiB, {seen.growth:+.1%} since the second fifth of the time; "
            f"oldest flight {seen.oldest:.1f} s, at most {seen.waiters} waiters",
        )
    )


def main(arguments: Sequence[str] = ()) -> int:
    """Print the table; return 1 when a flight outlived its deadline or the memory grew."""
    parser = argparse.ArgumentParser(prog="python -m bench soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--rate", type=float, default=60.0)
    asked = parser.parse_args(arguments)
    seen = asyncio.run(soak(asked.seconds, asked.rate))
    sys.stdout.write(report(seen) + "\n")
    return 1 if seen.oldest > 60 or seen.growth > 0.1 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
