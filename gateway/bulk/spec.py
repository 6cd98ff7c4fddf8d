"""``batches:`` in ``config.yaml``."""

from __future__ import annotations

from typing import Literal

import msgspec

from adapters.sources.units import Duration, Positive, Size, Spec, seconds


class BatchesSpec(Spec, frozen=True, kw_only=True):
    """Thousands of lookups in one request, done behind callers."""

    run_by: Literal["serve", "workers"] = "serve"
    """``serve``: by the process that answers; ``workers``: by ``python -m gateway worker`` on any
    host, over the PostgreSQL of *database*."""
    max_lookups: Positive = 20_000
    """Of one batch."""
    max_bytes: Size = msgspec.field(default_factory=lambda: Size(8 << 20))
    """Of the request that makes one."""
    max_open: Positive = 10
    """Batches of one tenant that are not done yet; another is a 429."""
    at_once: Positive = 2
    """Batches that one process works on at a time."""
    concurrency: Positive = 8
    """Lookups of a batch at a time; ``limits`` of each source hold all the same."""
    patience: Duration = seconds(86_400)
    """Lookups that could not be done for so long (a quota is spent, an upstream is down) fail."""
    poll: Duration = seconds(60)
    """Between two looks at what a model's provider has written of a batch (``llm.batch``)."""
    keep: Duration = seconds(7 * 86_400)
    """After so long a batch is forgotten; its answers stay as long as any others."""

    def __post_init__(self) -> None:
        if self.keep < self.patience:
            raise ValueError("keep is shorter than patience: lookups would be forgotten undone")
