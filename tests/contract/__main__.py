"""Schemathesis against a gateway that is served: no 5xx, and no answer that is not described.

python -m tests.contract --schemathesis .venv-contract/bin/schemathesis [--examples 150]

Three rounds: where everybody is let in; with a key that may do everything; without any.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from tests.ports import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
LEAST = 5000
"""Cases that a whole run has to come to."""
UNENDING = ("/v1/events", "/v1/stats/stream", "/v1/debug/profile")
"""What never ends, or takes its time on purpose; the suite's own tests ask these."""
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)
SCOPES = "search,suggest,stream,batch,invalidate,stats,admin"


def main() -> int:
    """Run all rounds; return 1 if one has found something or there were too few cases."""
    parser = argparse.ArgumentParser(prog="python -m tests.contract")
    parser.add_argument("--schemathesis", required=True, help="its command")
    parser.add_argument("--examples", type=int, default=150, help="for each route and round")
    given = parser.parse_args()
    tried = partial(attempt, given.schemathesis, given.examples)
    required = {"mode": "required", "token_secret": "0123456789abcdef" * 2}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").symlink_to(
            ROOT / "data"
        )  # the configuration's paths are its own folder's
        with served(folder, {"mode": "open"}) as (url, _):
            rounds = [tried("everybody is let in", url)]
        with served(folder, required) as (url, key):
            rounds.append(tried("with a key", url, "-H", f"Authorization: Bearer {key}"))
            rounds.append(tried("without a key", url))
    cases, found = sum(count for count, _ in rounds), sum(bad for _, bad in rounds)
    print(f"{cases} cases in all, {found} rounds found something")
    return int(found > 0 or cases < LEAST)


def attempt(
    schemathesis: str, examples: int, name: str, url: str, *options: str
) -> tuple[int, bool]:
    """Return how many cases *schemathesis* made up for *url*, and whether it found something."""
    print(f"--- {name}", flush=True)
    command = [
        *(schemathesis, "run", f"{url}/openapi.json", "--workers", "1"),
        *("--phases", "examples,coverage,fuzzing", "--continue-on-failure"),
        *("--checks", ",".join(CHECKS), "--max-examples", str(examples)),
        *("--exclude-path-regex", f"^({'|'.join(UNENDING)})$", "--warnings", "off", *options),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(done.stdout[-6000:], flush=True)
    counted = re.search(r"(\d+) generated", done.stdout)
    return int(counted[1]) if counted else 0, done.returncode != 0


@contextmanager
def served(folder: Path, access: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Serve the project's own configuration, which needs no network; yield the URL and a key."""
    document = yaml.safe_load((ROOT / "config.yaml").read_text())
    path = folder / f"{access['mode']}.yaml"
    path.write_text(yaml.safe_dump({**document, "access": dict(access)}, allow_unicode=True))
    port = free_port()
    database = f"sqlite+aiosqlite:///{folder / path.stem}.db"
    environment = {**os.environ, "LOOKUP_CONFIG": str(path), "DATABASE_URL": database}
    environment |= {"LOOKUP_HOST": "127.0.0.1", "LOOKUP_PORT": str(port)}
    gateway = [sys.executable, "-m", "gateway"]
    made = subprocess.run(
        [*gateway, "keys", "create", "--tenant", "contract", "--scopes", SCOPES],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    key = re.search(r"lgk_\S+", made.stdout + made.stderr)
    assert key is not None
    with (folder / f"{path.stem}.log").open("w") as log:
        process = subprocess.Popen([*gateway, "serve"], env=environment, cwd=ROOT, stderr=log)
        try:
            await_ready(f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}", key[0]
        finally:
            process.terminate()
            process.wait()


def await_ready(url: str) -> None:
    """Return once *url* is ready."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{url}/readyz"):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"{url} does not become ready")


if __name__ == "__main__":
    sys.exit(main())
