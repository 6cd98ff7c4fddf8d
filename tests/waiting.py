"""Waiting for what comes to be, however busy the machine is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

PATIENCE = 30.0
"""Seconds after which something never comes to be; nobody waits for them where all is well."""


async def eventually(condition: Callable[[], Any], patience: float = PATIENCE) -> None:
    """Wait until *condition*, plain or awaitable, is met."""
    end = time.monotonic() + patience
    while True:
        met = condition()
        if asyncio.iscoroutine(met):
            met = await met
        if met:
            return
        assert time.monotonic() < end, "it did not come to be"
        await asyncio.sleep(0.005)
