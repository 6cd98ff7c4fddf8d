"""What is done before anyone asks: at the start, by command, and ahead of expiry."""

from __future__ import annotations

from gateway.warming.report import Report, Warmed
from gateway.warming.running import warm
from gateway.warming.start import warming_on_start

__all__ = ["Report", "Warmed", "warm", "warming_on_start"]
