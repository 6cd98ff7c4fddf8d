"""Waiting for what comes to be, however busy the machine is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

PATIENCE = 60.0
"""Seconds after which something never comes to be; nobody waits for them where all is well."""
STARTING = 100.0
"""The same of a server that starts."""


def awaited(condition: Callable[[], bool], patience: float = STARTING) -> None:
    """Wait until *condition* of a server is met, with the whole process."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "a server of the tests does not answer"
        time.sleep(0.02)


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


async def until_one_ends(*works: Coroutine[Any, Any, None]) -> None:
    """Do all of *works* side by side, and end the others once one of them has ended."""
    tasks = [asyncio.create_task(each) for each in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
