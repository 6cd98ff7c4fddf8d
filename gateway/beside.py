"""What goes on beside a context: tasks that begin with it and are cancelled with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NoReturn


@asynccontextmanager
async def beside(**works: Coroutine[Any, Any, Any]) -> AsyncIterator[None]:
    """Have *works* go on within the context, as tasks of their names; what one raises is raised.

    They have ended when it is left.
    """
    tasks = [asyncio.create_task(work, name=name) for name, work in works.items()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
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
