"""What an upstream is spared: the limits of a source, as they stand in ``config.yaml``."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec

from adapters.rates import Rates
from adapters.sources.units import Count, Duration, Positive, Share, Spec, seconds


class QuotaSpec(Spec, frozen=True, kw_only=True):
    """So many calls in a window."""

    limit: Positive
    """Calls in a window."""
    per: Literal["second", "minute", "hour", "day", "month"]
    """How long a window is."""
    window: Literal["rolling", "calendar"] = "rolling"
    """``rolling``: the last minute, day …; ``calendar``: this one, until it ends in *zone*."""
    zone: str = "UTC"
    """Whose midnight a calendar window ends at, such as ``Asia/Seoul``."""

    def __post_init__(self) -> None:
        _known_zone(self.zone)


class QuietHoursSpec(Spec, frozen=True, kw_only=True):
    """When an upstream wants warm-ups and bulk work, which nobody waits for."""

    begin: str = msgspec.field(name="from")
    """``21:00``."""
    until: str
    """``05:00``, of the next day where that is no later than *from*."""
    zone: str = "UTC"
    """By whose clocks, such as ``America/New_York``."""
    weekends: bool = False
    """Saturdays and Sundays as a whole as well."""

    def __post_init__(self) -> None:
        _known_zone(self.zone)
        assert self.times

    @property
    def times(self) -> tuple[time, time]:
        """Return *from* and *until*; raise ValueError that names what is wrong."""
        try:
            return time.fromisoformat(self.begin), time.fromisoformat(self.until)
        except ValueError as error:
            wrong = f"{self.begin!r} or {self.until!r} is no time of day, such as 21:00"
            raise ValueError(wrong) from error


class BreakerSpec(Spec, frozen=True, kw_only=True):
    """When a circuit opens, and for how long."""

    failures: Positive = 5
    """Failed fetches in a row that open the circuit."""
    reset: Duration = seconds(60)
    """How long it stays open before one fetch is tried."""
    window: Duration = seconds(60)
    """How far back the shares below look."""
    min_calls: Positive = 20
    """With fewer fetches in the window no share opens the circuit."""
    failure_rate: Share = 0.5
    """The share of failed fetches that opens it."""
    slow_call: Duration = seconds(8)
    """A call that takes so long is slow, whatever it brings."""
    slow_rate: Share = 0.8
    """The share of fetches with a slow call that opens it."""

    @property
    def rates(self) -> Rates:
        """The shares, as the breaker wants them."""
        return Rates(self.window, self.min_calls, self.failure_rate, self.slow_call, self.slow_rate)


class LimitsSpec(Spec, frozen=True, kw_only=True):
    """What an upstream is spared."""

    quotas: tuple[QuotaSpec, ...] = ()
    """All of them hold at once."""
    quotas_with_key: tuple[QuotaSpec, ...] = ()
    """Instead of *quotas* where a key is sent, for upstreams that give more to whom they know."""
    cost: Positive | str = 1
    """What one call counts for in the quotas, where an upstream weighs calls: a number, or
    arithmetic over parameters such as ``ceil(days / 7) * count(variables)``."""
    quiet_hours: QuietHoursSpec | None = None
    """When warm-ups and bulk work may ask; without it at any hour. Callers always may."""
    price: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """USD that one call costs, for the accounts of what was spent and saved."""
    concurrency: Positive = 8
    """Calls at a time."""
    queue: Count = 64
    """Calls of each priority that may wait for one of *concurrency*; more are refused at once."""
    reserve: Share = 0.2
    """This share of *concurrency* and of each quota is left to callers by warm-ups and bulk
    work, which have one call at least."""
    min_interval: Duration = seconds(0)
    """Between the starts of two calls."""
    retries: Count = 3
    """Further tries after a failure that another try may mend."""
    backoff: Duration = seconds(0.25)
    """The first wait's upper bound; it doubles for each try."""
    max_backoff: Duration = seconds(10)
    """No wait is longer; an upstream that asks for more is not tried again, except by bulk work."""
    retry_ratio: Share = 0.2
    """Every fetch earns so much of a further try: an outage is not met with twice the load."""
    retry_burst: Count = 10
    """Beside that, so many further tries may be made in ten seconds; no more are saved up."""
    soft_timeout: Duration = seconds(2)
    """A caller is given an old answer, if there is one, when the fetch takes longer than so."""
    deadline: Duration = seconds(30)
    """For one fetch, its waits and tries together."""
    bulk_deadline: Duration = seconds(600)
    """The same for a warm-up and for bulk work, which also sit out a spent quota so long."""
    breaker: BreakerSpec = msgspec.field(default_factory=BreakerSpec)
    """When a failing upstream is left alone."""

    def when_keyed(self, *, keyed: bool) -> LimitsSpec:
        """Return the limits that hold with a key, or without one."""
        if not (keyed and self.quotas_with_key):
            return self
        return msgspec.structs.replace(self, quotas=self.quotas_with_key)


def _known_zone(name: str) -> None:
    """Raise ValueError unless *name* is a time zone that this machine knows."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{name!r} is no time zone, such as Asia/Seoul") from error
