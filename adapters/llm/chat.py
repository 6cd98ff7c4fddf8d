"""The contract of a chat model: messages in, a completion or a stream of deltas out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from adapters.summarizers.base import Usage


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer that ended by itself."""

    text: str
    finish: str = "stop"
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    """Who wrote it; empty: the one that was asked."""


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer as it is written; the last one says how it ended."""

    text: str = ""
    finish: str | None = None
    """Set on the last delta only."""
    usage: Usage | None = None
    """Set on the last delta only; a `Usage` of None is unknown, not zero."""
    model: str = ""
    """Who writes it; empty: the one that was asked."""


class Chat(Protocol):
    """A chat model behind some API."""

    model: str

    async def complete(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None = None
    ) -> Completion:
        """Return the whole answer, as JSON of *schema* where one is given.

        Raise `adapters.errors.SummaryError` when there is none, or it did not end by itself.
        """

    def stream(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Delta]:
        """Yield the answer as it is written; raise `SummaryError` where it breaks off."""

    async def close(self) -> None:
        """Give the connections back."""


class Whole(Chat):
    """A chat that has its answers whole, and no pieces of them."""

    async def stream(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Delta]:
        """Yield the whole answer at once."""
        answer = await self.complete(messages, schema)
        yield Delta(answer.text, model=answer.model)
        yield Delta(finish=answer.finish, usage=answer.usage, model=answer.model)

    async def close(self) -> None:
        """There is nothing of its own to be closed."""
