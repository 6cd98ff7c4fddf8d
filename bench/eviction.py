"""Traces replayed against the memory tier's policy and those of libraries: who hits how often.

``python -m bench eviction [--trace FILE ...]``: files of one key a line, gzipped or not
(``CACHE_TRACES`` names a folder of them); without one, a Zipf trace is drawn. A library that is not
installed is left out: ``pip install libcachesim theine cachebox`` brings all of them.
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import importlib.util
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from bench.popularity import from_environment, zipf
from storage.eviction import S3Fifo

SHARES = (1, 2, 3, 5, 7, 10)
"""Sizes of the cache, in hundredths of the distinct keys."""
SIZE = 1000
"""Bytes that every entry takes."""
SLACK = 0.01
"""So much less than the best library is still as good."""

Replay = Callable[[Sequence[str], int], float]
"""Returns the hit ratio of a trace in a cache of so many entries."""


class Line(msgspec.Struct, gc=False, eq=False):
    """What the memory tier's own policy keeps of a key: nothing."""

    key: str
    hits: int = 0
    main: bool = False
    size: int = SIZE

    def end(self) -> None:
        """Go."""


def ours(trace: Sequence[str], size: int) -> float:
    """Replay *trace* against the memory tier's own policy."""
    cache: S3Fifo[Line] = S3Fifo(size * SIZE)
    hits = 0
    for key in trace:
        if cache.get(key) is not None:
            hits += 1
        else:
            cache.insert(Line(key))
    return hits / len(trace)


def _cachebox(name: str, trace: Sequence[str], size: int) -> float:
    cache: Any = getattr(importlib.import_module("cachebox"), name)(size)
    hits = 0
    for key in trace:
        if cache.get(key) is not None:
            hits += 1
        else:
            cache.insert(key, True)
    return hits / len(trace)


def _libcachesim(name: str, trace: Sequence[str], size: int) -> float:
    library: Any = importlib.import_module("libcachesim")
    cache, numbers, hits = getattr(library, name)(cache_size=size), dict[str, int](), 0
    for key in trace:
        request = library.Request()
        request.obj_id, request.obj_size = numbers.setdefault(key, len(numbers) + 1), 1
        hits += cache.get(request)
    return hits / len(trace)


def _theine(trace: Sequence[str], size: int) -> float:
    library: Any = importlib.import_module("theine")
    cache, hits = library.Cache(size, nolock=True), 0
    for key in trace:
        if cache.get(key)[1]:
            hits += 1
        else:
            cache.set(key, True)
    return hits / len(trace)


LIBRARIES: dict[str, tuple[str, Replay]] = {
    "LRU (cachebox)": ("cachebox", partial(_cachebox, "LRUCache")),
    "LFU (cachebox)": ("cachebox", partial(_cachebox, "LFUCache")),
    "SIEVE (libcachesim)": ("libcachesim", partial(_libcachesim, "Sieve")),
    "S3-FIFO (libcachesim)": ("libcachesim", partial(_libcachesim, "S3FIFO")),
    "W-TinyLFU (libcachesim)": ("libcachesim", partial(_libcachesim, "WTinyLFU")),
    "W-TinyLFU (theine)": ("theine", _theine),
}


def installed() -> dict[str, Replay]:
    """Return the contenders that are there."""
    return {
        name: replay
        for name, (module, replay) in LIBRARIES.items()
        if importlib.util.find_spec(module) is not None
    }


def read_trace(path: Path) -> list[str]:
    """Return the keys of the trace at *path*."""
    content = path.read_bytes()
    return (gzip.decompress(content) if path.suffix == ".gz" else content).decode().split()


def nanoseconds(lookups: int = 100_000) -> float:
    """Return what a hit costs, among so many entries in no order."""
    keys = [f"v1:public:medicine:{number:064x}" for number in range(lookups)]
    cache: S3Fifo[Line] = S3Fifo(lookups * SIZE)
    for key in keys:
        cache.insert(Line(key))
    Random(1).shuffle(keys)
    best = float("inf")
    for _ in range(5):
        began = time.thread_time()
        for key in keys:
            cache.get(key)
        best = min(best, time.thread_time() - began)
    return best / lookups * 1e9


def main(arguments: Sequence[str] = ()) -> int:
    """Print the table; return 1 where a library hits a hundredth more often, or a hit is slow."""
    parser = argparse.ArgumentParser(prog="python -m bench eviction", description=__doc__)
    parser.add_argument("--trace", type=Path, nargs="*", default=from_environment())
    traces = {
        path.name.split(".")[0]: read_trace(path) for path in parser.parse_args(arguments).trace
    }
    traces = traces or {"Zipf, 20,000 names": zipf(20_000, 100_000)}
    contenders, say, worst = installed(), sys.stdout.write, 0.0
    say(f"| trace | cache | this gateway | {' | '.join(contenders)} | against the best |\n")
    say("|---|---" + "|---" * (len(contenders) + 2) + "|\n")
    for name, trace in traces.items():
        keys = len(set(trace))
        for share in SHARES:
            size = max(1, keys * share // 100)
            own = ours(trace, size)
            others = [replay(trace, size) for replay in contenders.values()]
            ahead = own - max(others, default=own)
            worst = min(worst, ahead)
            cells = " | ".join(f"{ratio:.1%}" for ratio in (own, *others))
            say(f"| {name} | {share} %, {size} | {cells} | {ahead * 100:+.1f} |\n")
    cost = nanoseconds()
    say(f"\nA hit costs {cost:.0f} ns of CPU; at worst {worst * 100:+.1f} points\n")
    return 0 if worst >= -SLACK and cost < 1000 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
