"""What entries take in memory, and what a look and a fill cost when there are many of them.

``python -m bench memory [--fills N]``. Tiers of several sizes are filled until they hold a part of
what came, *N* entries of 2 KB for one of 256 MiB: what the process grew by is set beside
``max_bytes`` and beside what the entries are. Then tiers of 100, 10,000 and 1,000,000 small entries
are asked, and filled further. Each row has a process of its own, and CPU time.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import accumulate
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, TypeVar

from gateway.collection import settle
from storage.entry import Entry, Part, encode
from storage.memory import MemoryTier, pack
from storage.tiers import Tiers

FILLS = 1_000_000
BOUND = 256 << 20
BODY = 2048
SMALL_BODY = 300
SIZES = (100, 10_000, 1_000_000)
MORE = 400
"""Bytes that an entry of 2 KB may take beside its own."""
_FREE = 16 << 20
_TIMES = 50_000
_ROUNDS = 5
_OTHERS = ((27, 40_000, BODY), (900, 2_500_000, SMALL_BODY), (256, 60_000, 16_384))
"""MiB, fills and bytes of a body: beside the row of the bound."""
_Row = TypeVar("_Row")


class Taken(NamedTuple):
    """What a tier takes that was filled beyond its bound."""

    entries: int
    body: int
    own: float
    """Bytes of an entry as shared tiers keep it, on average."""
    more: float
    """Bytes of the process beside them, for each entry."""
    share: float
    """What the process grew by, as a share of the bound."""


class Cost(NamedTuple):
    """What a look and a fill take among so many entries, in microseconds of CPU."""

    entries: int
    look: float
    fill: float
    longest: float
    """Milliseconds of the dearest of all fills."""


def entry(number: int, length: int = BODY) -> Entry:
    """Return an entry of its own whose body is as long as that."""
    start = b'"total":1,"items":[{"id":"%d","use":"' % number
    body = start + b"x" * (length - len(start) - 3) + b'"}]'
    return Entry(
        key=f"v1:public:bench:{number:064x}",
        source="bench",
        head=b'"source":"bench","query":"name %d","keyword":null' % number,
        records=Part(body, 1e9 + number, 0.1, f"{number:064x}"),
        summary=None,
        empty=False,
        keep_until=2e9 + number,
        holds=f"\tname {number}",
    )


def taken(bound: int, fills: int, body: int) -> Taken:
    """Fill a tier of *bound* bytes *fills* times.

    The entries differ by half in length, so that what goes leaves holes. Where Python has compiled
    what it imported, megabytes are free already: a first tier, which is kept, takes these.
    """
    chance, first, tier = random.Random(1), MemoryTier(_FREE), MemoryTier(bound)
    _fill_unlike(first, chance, _FREE // body, body)
    before = _resident()
    _fill_unlike(tier, chance, fills, body)
    grown = _resident() - before
    assert first.entries
    one = entry(fills, body)
    own = tier.bytes / tier.entries + len(encode(one)) - pack(one).size
    return Taken(tier.entries, body, own, grown / tier.entries - own, grown / bound)


def cost(entries: int) -> Cost:
    """Measure looks by Zipf(1) at *entries* small ones, and fills that push others out.

    The tier is there before the collector is settled, as a server's is.
    """
    tier = MemoryTier(entries * pack(entry(entries, SMALL_BODY)).size)
    tiers = Tiers([tier], lambda *_: None)
    settle()
    longest = _longest(tier, range(entries))
    weights = list(accumulate(1 / rank for rank in range(1, entries + 1)))
    drawn = random.Random(1).choices(range(entries), cum_weights=weights, k=_TIMES)
    keys = [f"v1:public:bench:{number:064x}" for number in drawn]
    look = min(_seconds(partial(_look, tiers, keys)) for _ in range(_ROUNDS))
    longest = max(longest, _longest(tier, range(entries, 2 * entries)))
    fill = float("inf")
    for turn in range(_ROUNDS):
        first = 2 * entries + turn * _TIMES
        fresh = [entry(number, SMALL_BODY) for number in range(first, first + _TIMES)]
        fill = min(fill, _seconds(partial(_fill, tier, fresh)))
    return Cost(entries, look / _TIMES * 1e6, fill / _TIMES * 1e6, longest * 1e3)


def _longest(tier: MemoryTier, numbers: Sequence[int]) -> float:
    """Return the seconds that the dearest fill took."""
    dearest = 0.0
    for number in numbers:
        fresh = [entry(number, SMALL_BODY)]
        dearest = max(dearest, _seconds(partial(_fill, tier, fresh)))
    return dearest


def _fill_unlike(tier: MemoryTier, chance: random.Random, fills: int, body: int) -> None:
    for number in range(fills):
        tier.keep(entry(number, chance.randint(body // 2, body * 3 // 2)))


def _look(tiers: Tiers, keys: Sequence[str]) -> None:
    for key in keys:
        kept = tiers.handle(key)
        assert kept is not None
        assert tiers.stands(kept)


def _fill(tier: MemoryTier, entries: Sequence[Entry]) -> None:
    for each in entries:
        tier.keep(each)


def _seconds(work: Callable[[], None]) -> float:
    started = time.thread_time()
    work()
    return time.thread_time() - started


def _resident() -> int:
    gc.collect()
    # Its own pages, wherever they are: a kernel may take back those of files, and swap, meanwhile.
    told = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return sum(int(told[name].split()[0]) << 10 for name in ("RssAnon", "VmSwap"))


def _alone(measure: Callable[..., _Row], *arguments: int) -> _Row:
    """Return what *measure* finds in a process of its own: nothing else has left holes there."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(measure, *arguments).result()


def main(arguments: Sequence[str] = ()) -> int:
    """Print both tables; return 1 when the bound or what an entry may take was not held."""
    parser = argparse.ArgumentParser(prog="python -m bench memory", description=__doc__)
    parser.add_argument("--fills", type=int, default=FILLS)
    say, held = sys.stdout.write, True
    say("| fills | kept | bytes of a body | its bytes | and more | grown by, of `max_bytes` |\n")
    say("|---|---|---|---|---|---|\n")
    rows = ((BOUND >> 20, parser.parse_args(arguments).fills, BODY), *_OTHERS)
    for mebibytes, fills, body in rows:
        row = _alone(taken, mebibytes << 20, fills, body)
        held = held and row.share <= 1.1 and (row.more <= MORE or body > BODY)
        say(f"| {fills:,} | {row.entries:,} | {body:,} | {row.own:,.0f} ")
        say(f"| {row.more:.0f} | {row.share:.1%} |\n")
    say("\n| entries | µs a look | µs a fill | the longest fill, ms |\n|---|---|---|---|\n")
    for size in SIZES:
        spent = _alone(cost, size)
        say(f"| {size:,} | {spent.look:.2f} | {spent.fill:.1f} | {spent.longest:.1f} |\n")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
