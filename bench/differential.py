"""Thousands of request streams to two servers over one gateway, with the hit path and without.

``python -m bench differential [--seeds N]``. The suite does sixty of them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence

from bench.hits import ROOT

SEEDS = 3_000
TEST = "tests/gateway/web/test_hit_path.py"


def main(arguments: Sequence[str] = ()) -> int:
    """Run the test with more seeds; return its status."""
    parser = argparse.ArgumentParser(prog="python -m bench differential", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    options = parser.parse_args(arguments)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", TEST, "-k", "any_stream"],
        cwd=ROOT,
        env={**os.environ, "STREAM_SEEDS": str(options.seeds)},
        check=False,
    )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
