"""Hits and misses of one gateway process beside a bare aiohttp handler, in turn, in one run.

CPU per request is the scheduler's own account of the server's threads: it moves little with the
load of the machine. Requests per second and latency move with it: compare them within a run.
"""

from __future__ import annotations

import contextlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import orjson

from bench.load import Job, Outcome

ROOT = Path(__file__).parents[1]
CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Plan:
    """How long it takes: so many rounds, each target for so many seconds in each."""

    rounds: int = 5
    seconds: float = 1.5
    keys: int = 1000


QUICK = Plan(rounds=1, seconds=0.1, keys=50)


@dataclass(slots=True)
class Target:
    """One row of the table."""

    name: str
    pid: int
    port: int
    targets: list[str]
    lines: str = ""
    """Further header lines of each request."""
    flat_out: list[tuple[Outcome, float]] = field(default_factory=list)
    """Outcomes at `CONNECTIONS`, each with the CPU seconds that the server took."""
    alone: list[Outcome] = field(default_factory=list)
    """Outcomes on one connection, one request at a time."""

    def measure(self, seconds: float) -> None:
        """Add one round."""
        before = cpu(self.pid)
        outcome = load(self, CONNECTIONS, seconds)
        self.flat_out.append((outcome, cpu(self.pid) - before))
        self.alone.append(load(self, 1, seconds / 3))

    @property
    def per_second(self) -> float:
        return statistics.median(o.requests / o.seconds for o, _ in self.flat_out)

    @property
    def cpu_us(self) -> float:
        return statistics.median(spent / o.requests * 1e6 for o, spent in self.flat_out)

    @property
    def failed(self) -> int:
        return sum(o.failed for o, _ in self.flat_out) + sum(o.failed for o in self.alone)


def run(plan: Plan) -> list[Target]:
    """Measure every target in turn, round by round."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bare_pid, bare_port = stack.enter_context(bare())
        served = [
            stack.enter_context(gateway(folder / f"{name}.yaml", memory, bare_port))
            for name, memory in (("memory", "256MiB"), ("database", "0"))
        ]
        (memory_pid, memory_port), (database_pid, database_port) = served
        hits = [f"/v1/search?source=bench&q=name+{n}" for n in range(plan.keys)]
        targets = [
            Target("bare aiohttp handler", bare_pid, bare_port, ["/bare"]),
            Target("memory hit", memory_pid, memory_port, hits),
            Target("database hit", database_pid, database_port, hits),
            Target("miss", memory_pid, memory_port, ["/v1/search?source=bench&q=cold+{}"]),
        ]
        for target in targets[1:3]:
            fill(target, plan.keys)
        for _ in range(plan.rounds):
            for target in targets:
                target.measure(plan.seconds)
        return targets


def report(targets: list[Target]) -> str:
    """Return the table; ratios are against the first row."""
    first = targets[0]
    alone = statistics.median(o.p50 for o in first.alone)
    rows = [
        f"{'':<22}{'CPU us each':>12}{'ratio':>7}{'each s':>9}{'p50 us':>8}{'p99 us':>8}"
        f"{'alone p50 us':>14}{'ratio':>7}{'failed':>8}"
    ]
    for target in targets:
        p50 = statistics.median(o.p50 for o, _ in target.flat_out)
        p99 = statistics.median(o.p99 for o, _ in target.flat_out)
        single = statistics.median(o.p50 for o in target.alone)
        rows.append(
            f"{target.name:<22}{target.cpu_us:>12.1f}{target.cpu_us / first.cpu_us:>7.2f}"
            f"{target.per_second:>9.0f}{p50:>8.0f}{p99:>8.0f}"
            f"{single:>14.0f}{single / alone:>7.2f}{target.failed:>8}"
        )
    return "\n".join(rows)


def load(target: Target, connections: int, seconds: float) -> Outcome:
    """Run the load generator, on the last core where there are several."""
    cores = sorted(os.sched_getaffinity(0))
    job = Job(
        port=target.port,
        targets=target.targets,
        connections=connections,
        seconds=seconds,
        first=time.time_ns() // 1000,
        core=cores[-1] if len(cores) > 1 else None,
        lines=target.lines,
    )
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=msgspec.json.encode(job),
        stdout=subprocess.PIPE,
        cwd=ROOT,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=Outcome)


def fill(target: Target, keys: int) -> None:
    """Ask until every key has been asked at least once."""
    asked = 0
    while asked < keys * 1.2:
        asked += load(target, CONNECTIONS, keys / 1000).requests


@contextlib.contextmanager
def bare() -> Iterator[tuple[int, int]]:
    """Run the bare server; yield its process id and port."""
    process = start([sys.executable, "-m", "bench.bare"], stdout=subprocess.PIPE)
    with ended(process):
        assert process.stdout is not None
        yield process.pid, int(process.stdout.readline())


@contextlib.contextmanager
def gateway(path: Path, memory: str, upstream: int) -> Iterator[tuple[int, int]]:
    """Run the gateway as it is shipped, access log included; yield its process id and port."""
    with running(path, configuration(path, memory, upstream)) as served:
        yield served


@contextlib.contextmanager
def running(
    path: Path, document: dict[str, object], module: Sequence[str] = ("gateway", "serve")
) -> Iterator[tuple[int, int]]:
    """Run the gateway, by *module*, with *document* for a configuration, like `gateway`."""
    path.write_bytes(orjson.dumps(document))  # JSON is YAML
    command = [sys.executable, "-m", *module, "--config", str(path), "--port", "0"]
    log = path.with_suffix(".log")
    with log.open("wb") as sink:
        process = start(command, stderr=sink)
    with ended(process):
        yield process.pid, _port(log, process)


def configuration(path: Path, memory: str, upstream: int) -> dict[str, object]:
    """Return a configuration with one source that asks the bare server."""
    source = {
        "adapter": "declarative",
        "description": "bench",
        "request": {
            "url": f"http://127.0.0.1:{upstream}/items",
            "params": {"q": "{q}"},
            "allow_private": True,
        },
        "response": {
            "records": "items",
            "total": "total",
            "id": "id",
            "fields": {"name": "name", "use": "use"},
        },
        "limits": {"concurrency": 64},
        "summary": {"by": "none"},
    }
    return {
        "memory": {"max_bytes": memory},
        "database": {"url": f"sqlite+aiosqlite:///{path.with_suffix('.db')}"},
        "sources": {"bench": source},
    }


def cpu(pid: int) -> float:
    """Return the seconds for which the threads of *pid* have run."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def start(command: list[str], **pipes: object) -> subprocess.Popen[bytes]:
    """Start *command* on the first core."""
    core = min(os.sched_getaffinity(0))
    process = subprocess.Popen(["taskset", "-c", str(core), *command], cwd=ROOT, **pipes)  # type: ignore[call-overload]
    assert isinstance(process, subprocess.Popen)
    return process


@contextlib.contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End *process* on leaving."""
    try:
        yield
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _port(log: Path, process: subprocess.Popen[bytes]) -> int:
    while process.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:(\d+)", log.read_text())
        if found:
            return int(found[1])
        time.sleep(0.05)
    raise RuntimeError(f"the gateway did not start: {log.read_text()}")
