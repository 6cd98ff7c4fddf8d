"""Instructions of user space, counted by Valgrind: they do not move with the load."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from bench import hits

_COLLECTED = re.compile(rb"Collected : (\d+)")


def installed() -> bool:
    """Return whether anything can be counted here, and say so where it cannot."""
    found = shutil.which("valgrind") is not None
    if not found:
        sys.stdout.write("valgrind is not installed: nothing is counted\n")
    return found


def instructions(module: str, *arguments: str) -> int:
    """Run *module* beneath callgrind; return what it counted within `counting`.

    What the module prints is thrown away. Raises `CalledProcessError` where it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        valgrind = ("valgrind", "--tool=callgrind", "--instr-atstart=no")
        done = subprocess.run(
            [
                *(*valgrind, f"--callgrind-out-file={folder}/out"),
                *(sys.executable, "-m", module, *arguments),
            ],
            cwd=hits.ROOT,
            env={"PYTHONHASHSEED": "0", "PATH": "/usr/bin:/bin", "TMPDIR": folder},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=True,
        )
    found = _COLLECTED.search(done.stderr)
    assert found is not None, done.stderr.decode()
    return int(found[1])


@contextmanager
def counting() -> Iterator[None]:
    """Have callgrind, where it runs this process, count within the context."""
    control = shutil.which("callgrind_control")

    def switch(state: str) -> None:
        if control and "valgrind" in os.environ.get("LD_PRELOAD", ""):
            subprocess.run(
                [control, "-i", state, str(os.getpid())], stdout=subprocess.DEVNULL, check=True
            )

    switch("on")
    try:
        yield
    finally:
        switch("off")
