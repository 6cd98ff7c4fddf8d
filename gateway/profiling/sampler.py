"""A profile by the clock on the wall: what the loop's thread was doing, looked at from another.

It shows what waits as well as what computes, and costs nothing while nobody asks for it.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections import Counter
from pathlib import PurePath
from types import FrameType

INTERVAL = 0.005
"""Seconds between two looks."""
DEEPEST = 100
"""Frames of a stack that are told, the innermost."""


class Sampler:
    """Makes one profile at a time."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def sample(self, seconds: float) -> str:
        """Return what the thread of the running loop does in *seconds*, as collapsed stacks.

        A line is a stack, outermost first, and how often it was seen: what flame graphs are drawn
        from. Whoever asks while another profile is made waits for its own.
        """
        async with self._turn:
            counts: Counter[str] = Counter()
            done = threading.Event()
            thread = threading.Thread(
                target=_look,
                args=(threading.get_ident(), seconds, counts, done),
                name="profile",
                daemon=True,
            )
            thread.start()
            try:
                await asyncio.sleep(seconds)
            finally:
                done.set()
                thread.join()
        return "".join(f"{stack} {count}\n" for stack, count in counts.most_common())


def _look(watched: int, seconds: float, counts: Counter[str], done: threading.Event) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and not done.wait(INTERVAL):
        frame = sys._current_frames().get(watched)
        if frame is not None:
            counts[_stack(frame)] += 1


def _stack(frame: FrameType | None) -> str:
    names: list[str] = []
    while frame is not None and len(names) < DEEPEST:
        code = frame.f_code
        place = f"{PurePath(code.co_filename).stem}:{code.co_qualname}:{frame.f_lineno}"
        names.append(place.replace(" ", "_"))  # a blank stands before the count alone
        frame = frame.f_back
    return ";".join(reversed(names))
