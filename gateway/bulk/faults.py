"""Why a lookup of a batch failed, as it is kept."""

from __future__ import annotations

import msgspec


class Fault(msgspec.Struct, frozen=True):
    """Why a lookup failed."""

    kind: str
    """The class of the upstream's error, or ``parameter``."""
    message: str
    parameter: str = ""
