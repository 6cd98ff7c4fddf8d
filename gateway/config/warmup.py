"""``warmup`` of ``config.yaml`` as a type: what is loaded ahead."""

from __future__ import annotations

from typing import Annotated

import msgspec

from adapters.sources.units import Count, Duration, Size, Spec, seconds
from gateway.window import read_window


class AheadSpec(Spec, frozen=True, kw_only=True):
    """What is asked often is renewed before it expires, where that is worth its price."""

    on: bool = True
    """Whether anything is."""
    every: Duration = seconds(60)
    """How often it is looked for what expires until the next look."""
    top: Count = 1_000
    """So many of the most asked lookups are looked at."""
    second_usd: Annotated[float, msgspec.Meta(ge=0)] = 0.001
    """What it is worth that a caller need not wait for a second."""
    least_chance: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    """What is asked less likely than that before it would expire again is left alone, even where
    it costs nothing."""


class WarmupSection(Spec, frozen=True, kw_only=True):
    """What is loaded ahead."""

    on_start: bool = True
    """When the gateway starts, fill its memory with what is asked most and still fresh; then load
    every source's ``warm`` list and what is asked most, behind the first answers."""
    top: Count = 100
    """At most so many lookups of a source's list, and so many of those that are asked most."""
    ready_within: Duration = seconds(5)
    """``/readyz`` waits so long for memory to be filled."""
    ready_bytes: Size = msgspec.field(default_factory=lambda: Size(128 << 20))
    """Memory is filled with so much at the start, within ``memory.max_bytes``."""
    per_second: Annotated[float, msgspec.Meta(gt=0)] = 5.0
    """At the start, so many lookups a second are loaded at most."""
    window: str = ""
    """When ``python -m warmup`` works, such as ``02:00-05:00 Asia/Seoul``; empty: always."""
    ahead: AheadSpec = msgspec.field(default_factory=AheadSpec)
    """Renewals before expiry."""

    def __post_init__(self) -> None:
        read_window(self.window)
