"""The benchmark works, end to end; its figures are for people."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(240)  # six interpreters start, perhaps beside other work
def test_a_quick_run_prints_every_row_beside_the_bare_handler() -> None:
    command = [sys.executable, "-m", "bench", "--quick"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    rows = done.stdout.partition("\n\n")[0].splitlines()[2:]
    assert [row[:22].strip() for row in rows] == [
        "bare aiohttp handler",
        "memory hit",
        "database hit",
        "miss",
    ]
    for row in rows:
        *measured, failed = map(float, row[22:].split())
        assert len(measured) == 7
        assert min(measured) > 0
        assert failed == 0
