"""wrk as load generator, on the last core: it sends requests that are made before it begins."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.load import Outcome

_SCRIPT = """
local requests, at = {}, 0
for request in io.lines(os.getenv("BENCH_REQUESTS")) do
  requests[#requests + 1] = request:gsub("|", "\\r\\n")
end
request = function()
  at = at % #requests + 1
  return requests[at]
end
done = function(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  local told = '\\n{"requests": %d, "seconds": %f, "p50": %f, "p99": %f, "failed": %d}\\n'
  local seconds, p50, p99 = summary.duration / 1e6, latency:percentile(50), latency:percentile(99)
  io.write(string.format(told, summary.requests, seconds, p50, p99, failed))
end
"""


def installed() -> bool:
    """Whether there is a wrk."""
    return shutil.which("wrk") is not None


def run(port: int, requests: Sequence[bytes], seconds: float, connections: int = 64) -> Outcome:
    """Send *requests* in turn, as quickly as they are answered, for so many *seconds*."""
    core = max(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = (request.replace(b"\r\n", b"|") for request in requests)
        (folder / "requests").write_bytes(b"\n".join(lines) + b"\n")
        (folder / "script.lua").write_text(_SCRIPT)
        done = subprocess.run(
            [
                *("taskset", "-c", str(core), "wrk", "-t1", f"-c{connections}"),
                *(f"-d{seconds:g}s", "-s", str(folder / "script.lua")),
                f"http://127.0.0.1:{port}/",
            ],
            env={**os.environ, "BENCH_REQUESTS": str(folder / "requests")},
            stdout=subprocess.PIPE,
            check=True,
        )
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Outcome)
