"""What goes on beside a context: tasks that begin with it and are cancelled with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NoReturn

AGAIN = 20.0
"""Seconds after which what has been told to end is told again; most have ended long before."""


@asynccontextmanager
async def beside(**works: Coroutine[Any, Any, Any]) -> AsyncIterator[None]:
    """Have *works* go on within the context, as tasks of their names; what one raises is raised.

    They have ended when it is left.
    """
    tasks = [asyncio.create_task(work, name=name) for name, work in works.items()]
    try:
        yield
    finally:
        left = {*tasks}
        while left:
            for task in left:
                task.cancel()
            # Again: one that comes as a wait ends may be lost (Python 3.11's `wait_for`).
            _, left = await asyncio.wait(left, timeout=AGAIN)
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended


async def every(
    seconds: float, do: Callable[[], Awaitable[object]], *, at_once: bool = False
) -> NoReturn:
    """*do* again and again, *seconds* apart; the first time after them, or *at_once*."""
    if at_once:
        await do()
    while True:
        await asyncio.sleep(seconds)
        await do()
