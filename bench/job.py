"""A job for a process of its own, on a core of its own: it comes and goes as JSON."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import msgspec
import uvloop


class OnACore(msgspec.Struct, frozen=True, kw_only=True):
    """What every job says."""

    core: int | None = None
    """The one core that it is done on; None: any."""


Job = TypeVar("Job", bound=OnACore)


def do(kind: type[Job], run: Callable[[Job], Coroutine[Any, Any, object]]) -> None:
    """*run* the job of that *kind* on standard input; what comes of it is on standard output."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=kind)
    if job.core is not None:
        os.sched_setaffinity(0, {job.core})
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(run(job))))
