"""One model as it may be called: while its circuit is closed, within its rate limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from adapters.breaker import Breaker
from adapters.commitment import commit
from adapters.errors import Kind, SummaryError, UpstreamError
from adapters.llm.chat import Chat, Completion, Delta, Message
from adapters.llm.faults import UNWELL
from adapters.llm.limits import Limits
from adapters.llm.lost_calls import lose

_NO_CREDIT = 600.0
"""Seconds for which an account without credit is not asked: it is no limit that passes."""


class Model(Chat):
    """Guards *chat*, whose answers *limits* are told of."""

    def __init__(self, chat: Chat, breaker: Breaker, limits: Limits | None = None) -> None:
        self.model = chat.model
        self._chat = chat
        self._breaker = breaker
        self._limits = Limits() if limits is None else limits

    @property
    def resting(self) -> float:
        """Seconds until its circuit lets a call through; 0: now."""
        return self._breaker.seconds_left

    def limited(self, tokens: int) -> float:
        """Return the seconds until its limits allow a call of about *tokens*; 0: now."""
        return self._limits.wait(tokens)

    async def complete(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None = None
    ) -> Completion:
        """Return the whole answer; raise `SummaryError`, also ``circuit_open``."""
        with self._watched(messages):
            answer = await self._chat.complete(messages, schema)
        return replace(answer, model=self.model)

    async def stream(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Delta]:
        """Yield the answer as it is written; raise `SummaryError`, also ``circuit_open``."""
        with self._watched(messages):
            async for delta in self._chat.stream(messages, schema):
                yield replace(delta, model=self.model)

    async def close(self) -> None:
        """Give the connections back."""
        await self._chat.close()

    @contextmanager
    def _watched(self, messages: Sequence[Message]) -> Iterator[None]:
        """Ask the breaker first and tell it afterwards; it speaks of upstream errors only."""
        try:
            with self._breaker.watch():
                self._limits.spend(tokens_of(messages))
                commit()
                try:
                    yield
                except SummaryError as error:
                    lose(self.model, error)
                    self._slow_down(error)
                    raise _counted(error) from error
                except asyncio.CancelledError:
                    lose(self.model, None)
                    raise
        except UpstreamError as error:
            if isinstance(error.__cause__, SummaryError):
                raise error.__cause__ from error.__cause__.__cause__
            raise SummaryError(
                "circuit_open", "The model rests after failures", retry_after=error.retry_after
            ) from error

    def _slow_down(self, error: SummaryError) -> None:
        if error.reason == "rate_limited":
            self._limits.hold(error.retry_after)
        elif error.reason == "quota":
            self._limits.hold(_NO_CREDIT)


def tokens_of(messages: Sequence[Message]) -> int:
    """Return about how many tokens *messages* are; a Korean syllable is one, and three bytes."""
    return sum(len(message.text.encode()) for message in messages) // 3


def _counted(error: SummaryError) -> UpstreamError:
    """Return *error* as the breaker understands it: unwell, or none of its business."""
    kind = Kind.TRANSIENT if error.reason in UNWELL else Kind.INVALID_INPUT
    return UpstreamError(kind, error.message, retry_after=error.retry_after)
