"""The composition root: beside `gateway.parts`, all that knows concrete classes."""

from __future__ import annotations

from gateway.assembly.gateway import Gateway
from gateway.assembly.opening import open_gateway

__all__ = ["Gateway", "open_gateway"]
