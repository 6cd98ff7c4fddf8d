"""What became of summaries, and of the money that they cost."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.events.bus import Event


@dataclass(frozen=True, slots=True)
class Summarized(Event):
    """A summary was written and passed the gate."""

    source: str
    key: str
    by: str
    seconds: float
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None = None
    model: str = ""
    usd: float | None = 0.0
    tenant: str = ""
    """For whom; empty: whose answer it is."""


@dataclass(frozen=True, slots=True)
class SummaryWasted(Event):
    """A call to a model was paid for, or may have been, and brought no summary that is kept."""

    source: str
    key: str
    model: str
    reason: str
    """One word, as in `SummaryFailed`."""
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    usd: float | None
    tenant: str = ""
    """For whom; empty: whose answer it is."""


@dataclass(frozen=True, slots=True)
class Embedded(Event):
    """A model was asked how alike an input is to others, which is paid for as summaries are."""

    source: str
    key: str
    model: str
    seconds: float
    prompt_tokens: int | None
    usd: float | None
    reason: str = ""
    """One word, as in `SummaryFailed`, where the call brought nothing."""
    tenant: str = ""
    """For whom; empty: whose answer it is."""


@dataclass(frozen=True, slots=True)
class SummaryFailed(Event):
    """No summary could be had, or the gate refused it."""

    source: str
    key: str
    reason: str
    """One word, for counters."""
    message: str
    """What was wrong; never the refused text."""
    seconds: float


@dataclass(frozen=True, slots=True)
class SummaryReused(Event):
    """A summary of the same input was there already and not paid for again."""

    source: str
    key: str
    model: str = ""
    usd: float | None = 0.0
    tenant: str = ""
    """For whom; empty: whose answer it is."""


@dataclass(frozen=True, slots=True)
class SummaryUnread(Event):
    """A summary that was paid for left the one place where it was kept, and nobody had read it."""

    source: str
    key: str
    model: str
    usd: float | None
    tenant: str = ""
    """For whom; empty: whose answer it is."""


@dataclass(frozen=True, slots=True)
class BatchSubmitted(Event):
    """A provider has taken a batch: from here on it costs, whoever waits for it."""

    model: str
    batch: str
    """Its name, by which it can be resumed."""
    summaries: int


@dataclass(frozen=True, slots=True)
class BudgetExhausted(Event):
    """A budget has no room left for those of a priority; told once a day for each."""

    scope: str
    """``day``, ``source:NAME`` or ``tenant:NAME``."""
    priority: str
    """``bulk``, ``warmup``, ``refresh`` or ``caller``: it and those behind it are refused."""
