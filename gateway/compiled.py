"""What a hit goes through, which a C compiler may have (``make compile``): the same, but quicker.

Compiled or not, they say the same; who has no compiler lacks nothing but speed.
"""

from __future__ import annotations

from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[1]
GROUP = "lookup_gateway"
"""What mypyc names the library that all of them share."""
MODULES = (
    "gateway/rates/cell_rate.py",
    "gateway/web/caller.py",
    "gateway/web/client.py",
    "gateway/web/decimals.py",
    "gateway/web/framing.py",
    "gateway/web/hit_counts.py",
    "gateway/web/hit_path.py",
    "gateway/web/ready.py",
    "gateway/web/recent.py",
    "gateway/web/recognition.py",
    "gateway/web/request_head.py",
    "storage/withdrawals.py",
)

State = Literal["interpreted", "compiled", "stale"]


def state(root: Path = ROOT) -> State:
    """Return what Python runs of the tree at *root*; stale: older than a source, or not all."""
    sources = [root / module for module in MODULES]
    built = [_built(source) for source in sources]
    if not any(built):
        return "interpreted"
    pairs = zip(sources, built, strict=True)
    fresh = all(at is not None and at >= source.stat().st_mtime for source, at in pairs)
    return "compiled" if fresh else "stale"


def _built(source: Path) -> float | None:
    """Return when what Python prefers to *source* was built, in Unix seconds, if it is there."""
    for suffix in EXTENSION_SUFFIXES:
        extension = source.with_suffix(suffix)
        if extension.exists():
            return extension.stat().st_mtime
    return None
