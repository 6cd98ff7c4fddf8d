"""What a hit goes through says the same when it is compiled."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.compiled import MODULES, ROOT, state

STAGE = ("setup.py", "storage", "gateway")
"""What the image has where it compiles."""
REST = ("adapters", "warmup", "tests", "bench", "data", "pyproject.toml", "config.yaml")
TESTED = (
    "tests/gateway/rates/test_cell_rate.py",
    "tests/gateway/rates/test_rates.py",
    "tests/gateway/web/test_client.py",
    "tests/gateway/web/test_connection.py",
    "tests/gateway/web/test_decimals.py",
    "tests/gateway/web/test_framing.py",
    "tests/gateway/web/test_hit_counts.py",
    "tests/gateway/web/test_hit_path.py",
    "tests/gateway/web/test_limits.py",
    "tests/gateway/web/test_recent.py",
    "tests/gateway/web/test_request_head.py",
    "tests/gateway/web/test_seats.py",
    "tests/storage/test_withdrawals.py",
)
MINUTES = 15


def run(tree: Path, *command: str) -> str:
    """Run Python's *command* in *tree*; return what it said."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=tree,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project with its hit path compiled."""
    assert shutil.which("cc"), "a C compiler (cc) is needed, and Python's headers"
    root = tmp_path_factory.mktemp("compiled")
    copy(STAGE, root)
    run(root, "setup.py", "-q", "build_ext", "--inplace")
    copy(REST, root)
    return root


def copy(names: Sequence[str], root: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "*.so", "browser")
    for name in names:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=ignored)
        else:
            shutil.copy2(ROOT / name, root / name)


def test_the_image_compiles_with_what_is_copied_here() -> None:
    stage = (ROOT / "Dockerfile").read_text().partition(" AS compiled\n")[2].partition("FROM ")[0]
    copied = [line.split()[1] for line in stage.splitlines() if line.startswith("COPY ")]
    assert sorted(copied) == sorted((*STAGE, "requirements/compile.txt"))


@pytest.mark.timeout(MINUTES * 60)
def test_what_is_compiled_passes_the_tests_of_its_sources(tree: Path) -> None:
    assert state(tree) == "compiled"
    loaded = run(tree, "-c", "from gateway.web import hit_path; print(hit_path.__file__)")
    assert loaded.strip().endswith(".so")
    said = run(tree, "-m", "pytest", "-p", "no:cacheprovider", "-m", "not interpreted", *TESTED)
    assert "passed" in said


def test_a_tree_without_a_compiler_is_interpreted(tmp_path: Path) -> None:
    sources(tmp_path)
    assert state(tmp_path) == "interpreted"


def test_what_is_older_than_its_source_is_stale(tmp_path: Path) -> None:
    sources(tmp_path)
    for module in MODULES:
        built = (tmp_path / module).with_suffix(".so")
        built.touch()
        os.utime(built, (2e9, 2e9))
    assert state(tmp_path) == "compiled"
    os.utime(tmp_path / MODULES[0], (2.1e9, 2.1e9))
    assert state(tmp_path) == "stale"


def test_what_is_not_all_there_is_stale(tmp_path: Path) -> None:
    sources(tmp_path)
    (tmp_path / MODULES[0]).with_suffix(".so").touch()
    assert state(tmp_path) == "stale"


def sources(root: Path) -> None:
    for module in MODULES:
        (root / module).parent.mkdir(parents=True, exist_ok=True)
        (root / module).touch()
