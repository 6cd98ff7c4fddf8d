"""The contract of a summarizer: from a brief to a draft that the gate still has to pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from adapters.source import Priority, Record


@dataclass(frozen=True, slots=True)
class Roles:
    """Which record fields say what; the extractive summary reads them in this order."""

    purpose: tuple[str, ...] = ()
    usage: tuple[str, ...] = ()
    caution: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Brief:
    """Everything that a summary is made from; what is not here cannot shape it."""

    query: str
    records: tuple[Record, ...]
    language: str
    """``ko``, ``en`` …"""
    keyword: str = ""
    """The angle of the summary; empty: the general one."""
    roles: Roles = Roles()
    prompt: str = ""
    """The source's own instructions for a model; empty: the default ones."""
    schema: Mapping[str, Any] | None = None
    """JSON Schema of a structured report; None: text."""
    each: bool = False
    """Each record is written about apart, in the ``summaries`` of *schema*, by its number."""
    rejected: tuple[str, ...] = ()
    """Why the gate refused an earlier draft: a model is told, so that its retry avoids it."""
    context: tuple[tuple[str, str], ...] = ()
    """Classes that the reader is of, such as ``("age", "child")``, as the source declares them."""
    history: tuple[str, ...] = ()
    """What the reader looked up before, the latest first; it is no record, and proves nothing."""
    priority: Priority = field(default=Priority.CALLER, compare=False)
    """Who waits for it: budgets stop the highest number first."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call; None is unknown, which is not zero."""

    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    batched: bool = False
    """Through the provider's batch endpoint, which has prices of its own."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a summarizer wrote."""

    text: str
    by: str
    """``extractive`` or ``openai:MODEL``."""
    report: Mapping[str, Any] | None = None
    finish: str = "stop"
    """Why it ended, as the provider says it; ``stop`` is the natural end."""
    usage: Usage = field(default_factory=Usage)


class Summarizer(Protocol):
    """Writes drafts.

    Who inherits from it explicitly can be streamed from: by default the whole text at once.
    """

    name: str
    """``extractive`` or ``openai:MODEL``: part of a summary's digest."""

    version: str
    """Of its prompt or its rules: another version writes other summaries of the same records."""

    async def summarize(self, brief: Brief) -> Draft:
        """Return a draft; raise `adapters.errors.SummaryError` when none can be had."""

    async def stream(self, brief: Brief, on_delta: Callable[[str], None]) -> Draft:
        """Return a draft like `summarize`, and tell *on_delta* each piece as it is written.

        What was told before an error is no summary, and neither is it before the gate has
        passed the draft.
        """
        draft = await self.summarize(brief)
        on_delta(draft.text)
        return draft
