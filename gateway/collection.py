"""Python's garbage collector, told what a server is: what it begins with stays."""

from __future__ import annotations

import gc

THRESHOLDS = (50_000, 20, 50)
"""Objects that are made and not freed until the young are gone through, and so on (`gc`): a
request leaves no cycles, and whatever stays is kept for long."""


def settle() -> None:
    """Take what is there now out of every collection to come; call it once, when all is open."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
