"""An event loop in which waiting takes no time: its clock jumps to whatever is due next."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class DeadlockError(Exception):
    """Everybody waits and nothing will ever happen."""


class VirtualLoop(asyncio.base_events.BaseEventLoop):
    """The event loop of asyncio itself over virtual time; it has no sockets."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._selector = self

    def time(self) -> float:
        return self._now

    def select(self, timeout: float | None) -> list[Any]:
        """Take the place of a selector: no events, only time that passes."""
        if timeout is None:
            raise DeadlockError(f"nothing is due after {self._now:g} s")
        self._now += timeout
        return []

    def _process_events(self, event_list: list[Any]) -> None:
        del event_list

    def _write_to_self(self) -> None:
        """Nobody waits in a system call: there is nobody to wake."""


def run(story: Coroutine[Any, Any, T]) -> T:
    """Run *story* in a loop of its own and return what it returns."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(story)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left))
        loop.close()
