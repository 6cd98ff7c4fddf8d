"""What entries take in memory, and what a hit costs when there are many of them.

``python -m bench memory [--fills N]``. Entries of 2 KB are kept until *N* have come, in a tier that
holds a part of them; what the process grew by is set beside ``max_bytes``. Then tiers of 100 to
100,000 entries, and of N, are asked by Zipf(1), one process, CPU time.
"""

from __future__ import annotations

import argparse
import gc
import random
import resource
import sys
import time
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from storage.entry import Entry, Part, encode
from storage.memory import MemoryTier

FILLS = 1_000_000
BOUND = 256 << 20
BODY = 2048
SIZES = (100, 1_000, 10_000, 100_000)
READS = 50_000


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


def filled(fills: int, bound: int) -> tuple[float, float, float]:
    """Return the growth by the bound, the bytes beside an entry's own, and a collection's seconds.

    The entries differ by half in length, so that what goes leaves holes.
    """
    chance, tier = random.Random(1), MemoryTier(bound)
    before = _resident()
    for number in range(fills):
        tier.keep(entry(number, chance.randint(BODY // 2, BODY * 3 // 2)))
    grown = _resident() - before
    beside = grown / tier.entries - len(encode(entry(fills, BODY)))
    started = time.perf_counter()
    gc.collect()
    return grown / bound, beside, time.perf_counter() - started


def read(entries: int) -> float:
    """Return the microseconds of CPU that a look at one of *entries* takes."""
    tier = MemoryTier(entries * (BODY + 4096))
    for number in range(entries):
        tier.keep(entry(number))
    weights = list(accumulate(1 / rank for rank in range(1, entries + 1)))
    keys = [
        f"v1:public:bench:{number:064x}"
        for number in random.Random(1).choices(range(entries), cum_weights=weights, k=READS)
    ]
    started = time.process_time()
    for key in keys:
        tier.handle(key)
    return (time.process_time() - started) / READS * 1e6


def _resident() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def main(arguments: Sequence[str] = ()) -> int:
    """Print both tables; return 1 when the bound was not held within a tenth."""
    parser = argparse.ArgumentParser(prog="python -m bench memory", description=__doc__)
    parser.add_argument("--fills", type=int, default=FILLS)
    options = parser.parse_args(arguments)
    grown, beside, collection = filled(options.fills, BOUND)
    sys.stdout.write(
        f"after {options.fills:,} fills the process has grown by {grown:.1%} of max_bytes; "
        f"an entry takes its bytes and {beside:.0f} more; "
        f"a full collection takes {collection * 1000:.0f} ms\n| entries | µs a look |\n|---|---|\n"
    )
    for size in SIZES:
        sys.stdout.write(f"| {size:,} | {read(size):.2f} |\n")
    return 0 if grown <= 1.1 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
