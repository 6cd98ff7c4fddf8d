"""How leases are taken, whoever keeps them: one owner works, the others wait for its end.

Who asks is told whether a key is its own, another's for so long, or done a moment ago. Whatever
cannot be asked or heard costs work that is done twice, and nothing else.
"""

from __future__ import annotations

import asyncio
import secrets
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from storage.leases import Look, Note, Noted, Result, Work
from storage.tier import TierError

TERM = 3.0
"""Seconds after which an owner that does not renew its lease is taken for gone."""
POLL = 1.0
"""Seconds after which who waits looks whether it has missed a message."""
AGAIN = (0.1, 0.3, 0.6, 1.0)
"""Seconds after which an end that could not be told is told again: else others wait for a term."""
LEAVING = 1.0
"""Seconds that ends have to be told when leases are closed: a statement of a busy database takes
longer than one of Redis, and one that is lost has others wait for a term and do the work again. Who
waits for longer gains little: after the term they go on by themselves."""
LINGER = 1.0
"""Seconds for which the end of a work is known to those who had looked before it."""


@dataclass(slots=True)
class Answer:
    """What is known of a key: ours, another's, or done a moment ago and failed."""

    ours: bool
    left: float = 0.0
    """Seconds for which it is another's, unless that one renews it."""
    note: str | None = None
    """What the last owner left, where it ended a moment ago."""


class SharedLeases(ABC):
    """Leases that replicas share; where they are kept is up to those who inherit this."""

    def __init__(self, term: float = TERM, poll: float = POLL) -> None:
        self._term = term
        self._poll = poll
        self._waiting: dict[str, set[asyncio.Future[str | None]]] = {}
        self._out: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()

    @abstractmethod
    async def _acquire(self, key: str, token: str, *, insist: bool) -> Answer:
        """Take *key* for *token* if it is free, or with *insist* was done; raise `TierError`."""

    @abstractmethod
    async def _renew(self, key: str, token: str) -> None:
        """Keep *key* for another term, if it is still *token*'s; raise `TierError`."""

    @abstractmethod
    async def _give_back(self, key: str, token: str, note: Note, linger: float) -> None:
        """Leave *note* for *linger* seconds and wake who waits; raise `TierError`."""

    async def once(self, key: str, work: Work[Result], look: Look[Result], noted: Noted) -> Result:
        """Return what *work* makes, or what *look* finds of another's work for *key*."""
        token, insist = secrets.token_hex(8), False
        while True:
            # Listened for before the lease is asked for: its end cannot fall between the two.
            with _Wait(self._waiting, key) as end:
                try:
                    answer = await self._acquire(key, token, insist=insist)
                except TierError:
                    return await work()
                note = answer.note
                if answer.left:
                    note = await _within(end, min(self._poll, answer.left))
            if note is not None:
                # Also where it was looked for already: what was heard may have been an earlier end,
                # told late. While it is ours nobody else makes it, and this look is the last.
                found = await self._found(key, token, answer, note, look)
                if found is not None:
                    return found
            insist = note is not None
            if answer.ours:
                return await self._owned(key, token, work, noted)

    async def close(self) -> None:
        """Tell the ends that are not told yet, each once more, within `LEAVING` seconds."""
        self._closing.set()
        if self._out:
            _, late = await asyncio.wait(self._out, timeout=LEAVING)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _found(
        self, key: str, token: str, answer: Answer, note: str, look: Look[Result]
    ) -> Result | None:
        """Return what another has made, giving back what would be ours."""
        found: Result | None = None
        failed = True
        try:
            found = await look(note)
            failed = False
        finally:
            if answer.ours and (failed or found is not None):
                self._behind(self._release(key, token, Note()))
        return found

    async def _owned(self, key: str, token: str, work: Work[Result], noted: Noted) -> Result:
        note = Note()
        renewal = asyncio.create_task(self._renewing(key, token), name=f"lease {key}")
        try:
            return await work()
        except BaseException as error:
            note = noted(error)
            raise
        finally:
            renewal.cancel()
            self._behind(self._release(key, token, note))

    async def _renewing(self, key: str, token: str) -> None:
        task = asyncio.current_task()
        # A cancellation may be lost in a renewal (Python 3.11's `wait_for`, in redis-py).
        while task is not None and not task.cancelling():
            await asyncio.sleep(self._term / 3)
            with suppress(TierError):
                await self._renew(key, token)

    async def _release(self, key: str, token: str, note: Note) -> None:
        """Give *key* back; again after a moment where that could not be said, while it matters."""
        for pause in AGAIN:
            last = self._closing.is_set()
            with suppress(TierError):
                await self._give_back(key, token, note, max(LINGER, note.seconds))
                return
            if last:
                return  # whoever keeps them is away: nobody stays here for that
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._closing.wait()

    def _behind(self, talk: Coroutine[Any, Any, None]) -> None:
        """Do *talk* behind the answer, which needs not wait for it."""
        task = asyncio.get_running_loop().create_task(talk)
        self._out.add(task)
        task.add_done_callback(self._out.discard)

    def _wake(self, key: str, note: str | None) -> None:
        for future in self._waiting.get(key, ()):
            if not future.done():
                future.set_result(note)

    def _wake_all(self) -> None:
        for key in self._waiting:
            self._wake(key, None)


class _Wait:
    """A place among those who wait for *key*, within a context."""

    def __init__(self, waiting: dict[str, set[asyncio.Future[str | None]]], key: str) -> None:
        self._waiting = waiting
        self._key = key
        self._future: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    def __enter__(self) -> asyncio.Future[str | None]:
        self._waiting.setdefault(self._key, set()).add(self._future)
        return self._future

    def __exit__(self, *_: object) -> None:
        others = self._waiting[self._key]
        others.discard(self._future)
        if not others:
            del self._waiting[self._key]


async def _within(end: asyncio.Future[str | None], seconds: float) -> str | None:
    """Return what the owner left; None where nothing was heard of it."""
    await asyncio.wait([end], timeout=seconds)
    return end.result() if end.done() else None
