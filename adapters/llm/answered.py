"""Chats around a batch of one's own: what would be asked, and what was answered hours later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from adapters.errors import SummaryError
from adapters.llm.batches import Line, Result, line_of
from adapters.llm.chat import Chat, Completion, Message, Whole

PENDING = "pending"
"""The reason of what was only noted."""
_FINAL = frozenset({"refused", "too_long"})
"""Faults that the same question would meet again."""


class Gathering(Whole):
    """Answers nothing, and notes what was asked: the lines of a batch."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.lines: dict[str, Line] = {}
        """By their ids, each once however often it was asked."""
        self.size = 0
        """Bytes of all lines."""

    async def complete(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None = None
    ) -> Completion:
        """Note the question; raise `SummaryError` ``pending``."""
        line = line_of(self.model, messages, schema)
        if line.id not in self.lines:
            self.lines[line.id] = line
            self.size += len(line.body)
        raise SummaryError(PENDING, "It is asked with others")


class Answered(Whole):
    """Gives each answer of a batch once, as it was paid for; *live* is asked what it lacks."""

    def __init__(self, model: str, answers: Mapping[str, Result], live: Chat) -> None:
        self.model = model
        self.left = dict(answers)
        """What nobody has asked for yet."""
        self._live = live

    async def complete(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None = None
    ) -> Completion:
        """Return the batch's answer, or another; raise `SummaryError` like either."""
        result = self.left.pop(line_of(self.model, messages, schema).id, None)
        if isinstance(result, Completion):
            return replace(result, model=self.model)
        if result is not None and (result.usage is not None or result.reason in _FINAL):
            # It was answered; only the answer is of no use.
            raise SummaryError(result.reason, result.message, usage=result.usage)
        return await self._live.complete(messages, schema)
