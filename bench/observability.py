"""What metrics, logs and traces cost a hit and a miss: gateways that differ in that alone, in turn.

Metrics are always on; what they cost is measured apart, as the time of the listeners on the events
of one lookup.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import hits
from gateway.events import Event, Events, Fetched, Responded, Served, TierRead
from gateway.metrics.counts import Counts
from gateway.metrics.names import Names
from gateway.profiling.slowest import Slowest

TRACED = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
"""Of a caller who keeps this trace: even a hit goes the whole way."""
HITS_TOLD_AT_ONCE = 1000
"""A gateway that answers 4,000 a second tells of so many at once."""
Setting = dict[str, Any]

SETTINGS: dict[str, Setting] = {
    "no line of a hit": {"logs": {"sample_hits": 0}},
    "as shipped": {},
    "every hit has a line": {"logs": {"sample_hits": 1}},
    "a tenth traced": {"telemetry": {"sample": 0.1}},
    "all traced": {"telemetry": {"sample": 1.0}},
}


@dataclass(slots=True)
class Row:
    """What one gateway took, in microseconds of CPU each."""

    name: str
    hit: list[float] = field(default_factory=list)
    miss: list[float] = field(default_factory=list)
    failed: int = 0


def run(plan: hits.Plan, settings: Mapping[str, Setting] = SETTINGS) -> list[Row]:
    """Measure each of *settings* in turn, round by round; and hits that callers trace."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        _, upstream = stack.enter_context(hits.bare())
        rows, pairs = [], []
        for number, (name, setting) in enumerate(settings.items()):
            path = folder / f"{number}.yaml"
            served = stack.enter_context(hits.running(path, _document(path, upstream, setting)))
            hit, miss = _targets(plan, *served)
            hits.fill(hit, plan.keys)
            rows.append(Row(name))
            pairs.append((rows[-1], hit, miss))
            if name == "all traced":
                rows.append(Row("hits that callers trace"))
                pairs.append((rows[-1], hits.Target(name, *served, hit.targets, TRACED), miss))
        for _ in range(plan.rounds):
            for row, hit, miss in pairs:
                row.hit.append(_cpu(hit, plan.seconds, row))
                row.miss.append(_cpu(miss, plan.seconds, row))
        return rows


def report(rows: list[Row]) -> str:
    """Return the table; differences are from the first row."""
    first = rows[0]
    told = [f"{'CPU us each':<26}{'hit':>8}{'more':>8}{'miss':>9}{'more':>8}{'failed':>8}"]
    for row in rows:
        hit, miss = statistics.median(row.hit), statistics.median(row.miss)
        more = hit - statistics.median(first.hit), miss - statistics.median(first.miss)
        told.append(
            f"{row.name:<26}{hit:>8.1f}{more[0]:>+8.1f}{miss:>9.1f}{more[1]:>+8.1f}{row.failed:>8}"
        )
    return "\n".join(told)


def listeners(times: int = 20_000) -> dict[str, float]:
    """Return the microseconds that the listeners of metrics and profiling take for each."""
    names = Names(frozenset({"bench"}), frozenset(), frozenset({"public"}))
    events = Events(Counts(names), Slowest())
    key = "v1:public:bench:" + "0" * 64
    read, miss = TierRead("memory", True, 1e-5), TierRead("memory", False, 1e-5)
    answered = Served("bench", key, "miss", "", 0.01)
    responded = Responded("/v1/search", "GET", 200, "upstream", 0.01, 3)
    hit = Served("bench", key, "hit", "memory", 1e-5, count=HITS_TOLD_AT_ONCE)

    def told(batch: list[Event], share: int) -> float:
        def tell() -> None:
            for event in batch:
                events.emit(event)

        return _each(tell, times) / share

    return {
        "a hit among a thousand of a key": told([read, hit, responded], HITS_TOLD_AT_ONCE),
        "a hit that is told alone": told([read, hit, responded], 1),
        "a miss": told([miss, miss, Fetched("bench", key, 2, 0.01), answered, responded], 1),
    }


def main(arguments: list[str]) -> int:
    """Print the tables; return 1 when a request failed."""
    parser = argparse.ArgumentParser(prog="python -m bench observability", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="see that it works; a few seconds")
    quick = parser.parse_args(arguments).quick
    rows = run(hits.QUICK if quick else hits.Plan(rounds=3, seconds=1.0, keys=500))
    sys.stdout.write(report(rows) + "\n\n")
    for name, micros in listeners(1000 if quick else 20_000).items():
        sys.stdout.write(f"metrics and profiling, {name}: {micros:.3f} us\n")
    return 1 if any(row.failed for row in rows) else 0


def _document(path: Path, upstream: int, setting: Setting) -> dict[str, object]:
    document = hits.configuration(path, "256MiB", upstream)
    # Not refused, however busy the machine is.
    found: dict[str, object] = {**document, "shedding": {"delay": "0"}, **setting}
    if "telemetry" in setting:
        # What takes the traces answers 404: making and sending them is what is measured.
        found["telemetry"] = {**setting["telemetry"], "endpoint": f"http://127.0.0.1:{upstream}"}
    return found


def _targets(plan: hits.Plan, pid: int, port: int) -> tuple[hits.Target, hits.Target]:
    kept = [f"/v1/search?source=bench&q=name+{n}" for n in range(plan.keys)]
    cold = ["/v1/search?source=bench&q=cold+{}"]
    return hits.Target("hit", pid, port, kept), hits.Target("miss", pid, port, cold)


def _cpu(target: hits.Target, seconds: float, row: Row) -> float:
    before = hits.cpu(target.pid)
    outcome = hits.load(target, hits.CONNECTIONS, seconds)
    row.failed += outcome.failed
    return (hits.cpu(target.pid) - before) / max(outcome.requests, 1) * 1e6


def _each(work: Callable[[], object], times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - started) / times * 1e6
