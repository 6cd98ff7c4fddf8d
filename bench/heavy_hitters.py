"""Ten million answers told to the popularity sketch: the memory it takes, and how right it is.

``python -m bench heavy_hitters [--events N] [--trace FILE ...]``: a Zipf trace of a million names
is drawn, and files of one key a line are told again and again (``CACHE_TRACES`` names a folder).
"""

from __future__ import annotations

import argparse
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, cycle, islice
from pathlib import Path
from random import Random

from bench.eviction import read_trace
from bench.popularity import from_environment
from gateway.lookup import Lookup
from gateway.popularity.sketch import Sketch

EVENTS = 10_000_000
NAMES = 1_000_000
BEST = 100
MOST_BYTES = 64 << 20
AT_ONCE = 100_000


def drawn(events: int, seed: int = 1) -> Iterator[str]:
    """Yield names whose popularity falls with their rank."""
    weights = list(accumulate(1 / rank for rank in range(1, NAMES + 1)))
    random = Random(seed)
    for _ in range(0, events, AT_ONCE):
        for number in random.choices(range(NAMES), cum_weights=weights, k=min(AT_ONCE, events)):
            yield f"name {number}"


def right(sketch: Sketch, truth: Counter[str]) -> float:
    """Return which share of the `BEST` most asked is among those that *sketch* names.

    Where several are asked equally often, any of them is right.
    """
    ranked = truth.most_common(BEST)
    least = ranked[-1][1]
    named = [slot.lookup.text for slot in sketch.top(len(ranked))]
    return sum(truth[name] >= least for name in named) / len(ranked)


@lru_cache(200_000)
def _lookup(name: str) -> Lookup:
    return Lookup("medicine", name, language="ko")


def measure(names: Iterator[str]) -> tuple[float, int, float, int]:
    """Return how right it is, its bytes, the nanoseconds of an event, and the number of events."""
    truth, sketch = Counter[str](), Sketch()
    seconds, events = 0.0, 0
    while part := list(islice(names, AT_ONCE)):
        lookups = list(map(_lookup, part))
        began = time.thread_time()
        for lookup in lookups:
            sketch.add("public", lookup, 1.0, 0.0)
        seconds += time.thread_time() - began
        events += len(part)
        truth.update(part)
    del lookups, part
    return right(sketch, truth), _size(sketch), seconds / events * 1e9, events


def _size(sketch: Sketch) -> int:
    """Return the bytes that a copy of *sketch* takes, apart from what else was counted here."""
    # Traced and not read from the resident set: what was freed here is used again.
    tracemalloc.start()
    copy = Sketch()
    for slot in sketch:
        lookup = Lookup("medicine", "".join([*slot.lookup.text]), language="ko")
        copy.add("public", lookup, slot.score, slot.since)
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return taken


def main(arguments: Sequence[str] = ()) -> int:
    """Print the table; return 1 where a hundredth is wrong, or it takes too much memory."""
    parser = argparse.ArgumentParser(prog="python -m bench heavy_hitters", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--trace", type=Path, nargs="*", default=from_environment())
    asked = parser.parse_args(arguments)
    traces = {f"Zipf, {NAMES:,} names": drawn(asked.events)}
    for path in asked.trace:
        traces[path.name.split(".")[0]] = islice(cycle(read_trace(path)), asked.events)
    say, well = sys.stdout.write, True
    say("| trace | answers | top 100 right | MiB | ns an answer |\n|---|---|---|---|---|\n")
    for name, names in traces.items():
        share, size, cost, events = measure(names)
        say(f"| {name} | {events:,} | {share:.0%} | {size / 2**20:.1f} | {cost:.0f} |\n")
        well = well and share >= 0.99 and size < MOST_BYTES
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
