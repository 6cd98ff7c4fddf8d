"""Further calls of one fetch, such as for its next page: counted and paced like the first.

Who makes them says `further_call` before each; who guards the source hears of it, however many
layers lie between, and may make it wait or refuse it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar

Count = Callable[[], Awaitable[None]]

_count: ContextVar[Count | None] = ContextVar("further_calls", default=None)


async def further_call() -> None:
    """Wait until one more call may be made; raise `UpstreamError` when none may."""
    count = _count.get()
    if count is not None:
        await count()


class _Counted:
    __slots__ = ("_count", "_token")

    def __init__(self, count: Count) -> None:
        self._count = count

    def __enter__(self) -> None:
        self._token = _count.set(self._count)

    def __exit__(self, *_: object) -> None:
        _count.reset(self._token)


def counted_by(count: Count) -> AbstractContextManager[None]:
    """Let *count* hear of further calls within."""
    return _Counted(count)
