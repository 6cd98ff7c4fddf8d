"""What an upstream is spared: the limits of a source, as they stand in ``config.yaml``."""

from __future__ import annotations

from typing import Literal

import msgspec

from adapters.sources.units import Duration, Spec, seconds


class QuotaSpec(Spec, frozen=True, kw_only=True):
    """So many calls in a window."""

    limit: int
    """Calls in a window."""
    per: Literal["second", "minute", "hour", "day", "month"]
    """How long a window is."""
    window: Literal["rolling", "calendar"] = "rolling"
    """``rolling``: the last minute, day …; ``calendar``: this one, until it ends in *zone*."""
    zone: str = "UTC"
    """Whose midnight a calendar window ends at, such as ``Asia/Seoul``."""


class BreakerSpec(Spec, frozen=True, kw_only=True):
    """When a circuit opens, and for how long."""

    failures: int = 5
    """Failed fetches in a row that open the circuit."""
    reset: Duration = seconds(60)
    """How long it stays open before one fetch is tried."""


class LimitsSpec(Spec, frozen=True, kw_only=True):
    """What an upstream is spared."""

    quotas: tuple[QuotaSpec, ...] = ()
    """All of them hold at once."""
    cost: int = 1
    """What one call counts for in the quotas, where an upstream weighs calls."""
    concurrency: int = 8
    """Calls at a time."""
    queue: int = 64
    """Calls that may wait for one of *concurrency*; more are refused at once."""
    min_interval: Duration = seconds(0)
    """Between the starts of two calls."""
    retries: int = 2
    """Further tries after a failure that another try may mend."""
    backoff: Duration = seconds(0.25)
    """The first wait's upper bound; it doubles for each try."""
    max_backoff: Duration = seconds(10)
    """No wait is longer; an upstream that asks for more is not tried again."""
    deadline: Duration = seconds(30)
    """For one fetch, its waits and tries together."""
    breaker: BreakerSpec = msgspec.field(default_factory=BreakerSpec)
    """When a failing upstream is left alone."""
