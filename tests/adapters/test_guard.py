from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from adapters.breaker import Breaker
from adapters.commitment import Commitment, context_of
from adapters.errors import Kind, UpstreamError
from adapters.further_calls import further_call
from adapters.guard import Guarded
from adapters.retries import REFILL
from adapters.source import Attribution, Payload, Priority, Query
from adapters.sources.composite import CompositeSource
from adapters.sources.composition import CompositeSpec, PartSpec
from adapters.sources.limits import BreakerSpec, LimitsSpec, QuietHoursSpec, QuotaSpec
from adapters.sources.spec import RequestSpec, SpecError
from adapters.sources.units import Duration

QUERY = Query("타이레놀")
EMPTY = Payload((), 0, Attribution(""), 0.0)


class Time:
    """A clock that sleeping turns."""

    def __init__(self) -> None:
        self.now = 1_780_000_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class Upstream:
    """Raises its errors one after the other, then answers."""

    def __init__(self, *errors: UpstreamError) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def fetch(self, query: Query) -> Payload:
        self.calls += 1
        await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop(0)
        return EMPTY


def guard(upstream: Upstream, time: Time, limits: LimitsSpec | None = None) -> Guarded:
    limits = limits or LimitsSpec()
    spec = limits.breaker
    breaker = Breaker(
        "x",
        spec.failures,
        spec.reset,
        clock=time,
        on_change=lambda *change: None,
        rates=spec.rates,
    )
    return Guarded(upstream, limits, breaker, clock=time, sleep=time.sleep, jitter=lambda: 1.0)


def failed(kind: Kind = Kind.TRANSIENT, **more: float) -> UpstreamError:
    return UpstreamError(kind, "no", **more)


async def kind_of(source: Guarded) -> Kind:
    with pytest.raises(UpstreamError) as caught:
        await source.fetch(QUERY)
    return caught.value.kind


async def test_a_transient_failure_is_tried_again_with_growing_waits() -> None:
    time, upstream = Time(), Upstream(failed(), failed(Kind.TIMEOUT))
    assert await guard(upstream, time).fetch(QUERY) is EMPTY
    assert upstream.calls == 3
    assert time.slept == [0.25, 0.5]


async def test_jitter_is_full() -> None:
    time, upstream = Time(), Upstream(failed())
    source = guard(upstream, time)
    source._jitter = lambda: 0.0
    await source.fetch(QUERY)
    assert time.slept == [0.0]


@pytest.mark.parametrize(
    "kind",
    [Kind.AUTH_CONFIG, Kind.INVALID_INPUT, Kind.MALFORMED, Kind.NOT_APPROVED, Kind.QUOTA_DAY],
)
async def test_what_another_try_cannot_mend_is_not_tried_again(kind: Kind) -> None:
    upstream = Upstream(failed(kind))
    assert await kind_of(guard(upstream, Time())) is kind
    assert upstream.calls == 1


async def test_the_wait_that_an_upstream_asks_for_is_kept_or_there_is_no_try() -> None:
    time = Time()
    await guard(Upstream(failed(Kind.QUOTA_SHORT, retry_after=3.0)), time).fetch(QUERY)
    assert time.slept == [3.25]
    upstream = Upstream(failed(Kind.QUOTA_SHORT, retry_after=60.0))
    assert await kind_of(guard(upstream, time)) is Kind.QUOTA_SHORT
    assert upstream.calls == 1


async def test_everyone_waits_when_the_upstream_asks_for_it() -> None:
    time, upstream = Time(), Upstream(failed(Kind.QUOTA_SHORT, retry_after=60.0))
    source = guard(upstream, time)
    assert [await kind_of(source) for _ in range(3)] == [Kind.QUOTA_SHORT] * 3
    assert upstream.calls == 1
    time.now += 60
    await source.fetch(QUERY)
    assert upstream.calls == 2


async def test_five_failed_fetches_open_the_circuit_and_the_sixth_asks_nobody() -> None:
    time, upstream = Time(), Upstream(*(failed() for _ in range(99)))
    source = guard(upstream, time)
    assert [await kind_of(source) for _ in range(5)] == [Kind.TRANSIENT] * 5
    asked = upstream.calls
    assert await kind_of(source) is Kind.CIRCUIT_OPEN
    assert upstream.calls == asked == 20
    upstream.errors.clear()
    time.now += 60
    await source.fetch(QUERY)
    assert source.breaker.state == "closed"


async def test_a_spent_quota_is_believed_and_nobody_is_asked_until_its_reset() -> None:
    time, upstream = Time(), Upstream(failed(Kind.QUOTA_DAY))
    limits = LimitsSpec(quotas=(QuotaSpec(limit=9, per="day", window="calendar"),))
    source = guard(upstream, time, limits)
    assert await kind_of(source) is Kind.QUOTA_DAY
    assert await kind_of(source) is Kind.QUOTA_DAY
    assert upstream.calls == 1
    assert source.breaker.state == "closed"
    time.now += 86_400
    await source.fetch(QUERY)


async def test_every_try_counts_for_the_quota() -> None:
    limits = LimitsSpec(quotas=(QuotaSpec(limit=2, per="minute"),))
    upstream = Upstream(failed(), failed())
    assert await kind_of(guard(upstream, Time(), limits)) is Kind.QUOTA_SHORT
    assert upstream.calls == 2


async def test_a_window_of_a_second_is_waited_for_and_calls_may_weigh_more() -> None:
    time, upstream = Time(), Upstream()
    source = guard(upstream, time, LimitsSpec(quotas=(QuotaSpec(limit=4, per="second"),), cost=2))
    started = time.now
    for _ in range(5):
        await source.fetch(QUERY)
    assert upstream.calls == 5
    assert time.now - started == pytest.approx(2, abs=0.01)


async def test_a_call_weighs_what_its_parameters_make_of_it() -> None:
    limits = LimitsSpec(quotas=(QuotaSpec(limit=10, per="day"),), cost="days * 2")
    time = Time()
    breaker = Breaker("x", 5, 60.0, clock=time, on_change=lambda *change: None)
    source = Guarded(Upstream(), limits, breaker, clock=time, sleep=time.sleep, params=("days",))
    await source.fetch(Query("a", {"days": "3"}))
    assert source.meter.usage() == {"day": (6, 10)}
    with pytest.raises(SpecError, match=r"limits\.cost"):
        Guarded(Upstream(), limits, breaker, clock=time)


@pytest.mark.parametrize("priority", [Priority.WARMUP, Priority.BULK])
async def test_work_that_nobody_waits_for_is_put_off_until_the_quiet_hours(
    priority: Priority,
) -> None:
    # The clock stands at 20:26:40 UTC.
    upstream, time = Upstream(), Time()
    quiet = QuietHoursSpec(begin="21:00", until="05:00")
    source = guard(upstream, time, LimitsSpec(quiet_hours=quiet))
    with pytest.raises(UpstreamError) as refused:
        await source.fetch(replace(QUERY, priority=priority))
    assert (refused.value.kind, refused.value.retry_after) == (Kind.OVERLOADED, 2000)
    assert (upstream.calls, source.breaker.state) == (0, "closed")
    await source.fetch(QUERY)
    await source.fetch(replace(QUERY, priority=Priority.REFRESH))
    assert upstream.calls == 2
    # A wait that bulk work has the patience for is sat out.
    time.now += 1500
    await source.fetch(replace(QUERY, priority=priority))
    assert (upstream.calls, time.slept) == (3, [500])


async def test_an_open_circuit_costs_no_quota_and_needs_no_slot() -> None:
    upstream = Upstream(*(failed() for _ in range(99)))
    limits = LimitsSpec(quotas=(QuotaSpec(limit=100, per="day"),), retries=0, concurrency=1)
    source = guard(upstream, Time(), limits)
    for _ in range(5):
        await kind_of(source)
    async with source.permits.held(Priority.CALLER):
        assert await kind_of(source) is Kind.CIRCUIT_OPEN
    assert source.meter.usage() == {"day": (5, 100)}


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0)


class Held(Upstream):
    """Answers when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.running = 0

    async def fetch(self, query: Query) -> Payload:
        self.running += 1
        try:
            await self.go.wait()
            return await super().fetch(query)
        finally:
            self.running -= 1


async def test_no_more_calls_run_at_once_than_the_bulkhead_holds() -> None:
    upstream = Held()
    source = guard(upstream, Time(), LimitsSpec(concurrency=2, queue=3))
    tasks = [asyncio.create_task(source.fetch(QUERY)) for _ in range(5)]
    await until(lambda: upstream.running == 2 and source.permits.waiting == 3)
    assert await kind_of(source) is Kind.OVERLOADED
    upstream.go.set()
    await asyncio.gather(*tasks)
    assert upstream.calls == 5


async def test_a_caller_who_leaves_gives_its_slot_back() -> None:
    upstream = Held()
    source = guard(upstream, Time(), LimitsSpec(concurrency=1))
    first = asyncio.create_task(source.fetch(QUERY))
    await until(lambda: upstream.running == 1)
    first.cancel()
    second = asyncio.create_task(source.fetch(QUERY))
    await until(lambda: first.done() and upstream.running == 1)
    upstream.go.set()
    assert await second is EMPTY
    assert source.breaker.state == "closed"


async def test_a_hung_source_ends_at_its_deadline_and_counts_as_a_failure() -> None:
    upstream = Held()
    source = guard(upstream, Time(), LimitsSpec(deadline=Duration(0.02)))
    assert [await kind_of(source) for _ in range(5)] == [Kind.TIMEOUT] * 5
    assert await kind_of(source) is Kind.CIRCUIT_OPEN
    assert upstream.running == 0


async def test_starts_keep_their_distance() -> None:
    time, upstream = Time(), Upstream()
    source = guard(upstream, time, LimitsSpec(min_interval=Duration(1)))
    for _ in range(3):
        await source.fetch(QUERY)
    assert time.slept == [1.0, 1.0]


async def test_retries_have_a_budget_so_that_an_outage_is_not_met_with_thrice_the_load() -> None:
    time, upstream = Time(), Upstream(*(failed() for _ in range(999)))
    circuit = BreakerSpec(failures=1000, min_calls=1000)
    source = guard(upstream, time, LimitsSpec(retry_ratio=0.1, retry_burst=5, breaker=circuit))
    for _ in range(100):
        await kind_of(source)
    assert 110 <= upstream.calls <= 100 + 5 + 10 + 5 * sum(time.slept) / REFILL


async def test_bulk_work_sits_out_what_a_caller_is_refused_for() -> None:
    time = Time()
    source = guard(Upstream(failed(Kind.QUOTA_SHORT, retry_after=120.0)), time)
    assert await kind_of(source) is Kind.QUOTA_SHORT
    assert await kind_of(source) is Kind.QUOTA_SHORT
    assert time.slept == []
    await source.fetch(replace(QUERY, priority=Priority.BULK))
    assert sum(time.slept) >= 120

    source = guard(Upstream(failed(Kind.QUOTA_SHORT, retry_after=700.0)), time)
    with pytest.raises(UpstreamError):
        await source.fetch(replace(QUERY, priority=Priority.BULK))


async def test_no_permit_is_held_while_a_fetch_waits_for_its_next_try() -> None:
    time, upstream = Time(), Upstream(failed(Kind.QUOTA_SHORT, retry_after=100.0))
    source = guard(upstream, time, LimitsSpec(concurrency=1))
    free: list[int] = []

    async def sleep(seconds: float) -> None:
        free.append(source.permits.free)
        time.now += seconds

    source._sleep = sleep
    await source.fetch(replace(QUERY, priority=Priority.BULK))
    assert free
    assert set(free) == {1}


async def test_a_retry_is_not_made_when_the_circuit_opened_while_it_waited() -> None:
    time, upstream = Time(), Upstream(*(failed() for _ in range(99)))
    source = guard(upstream, time, LimitsSpec(breaker=BreakerSpec(failures=1)))

    async def sleep(seconds: float) -> None:
        time.now += seconds
        with pytest.raises(UpstreamError), source.breaker.watch():
            raise failed()

    source._sleep = sleep
    assert await kind_of(source) is Kind.CIRCUIT_OPEN
    assert upstream.calls == 1


async def test_the_trial_of_a_circuit_is_one_call() -> None:
    time, upstream = Time(), Upstream(*(failed() for _ in range(99)))
    source = guard(upstream, time, LimitsSpec(breaker=BreakerSpec(failures=1)))
    await kind_of(source)
    time.now += 60
    before = upstream.calls
    await kind_of(source)
    assert upstream.calls == before + 1
    assert source.breaker.state == "open"


async def test_a_fetch_whose_turn_never_comes_says_nothing_against_the_upstream() -> None:
    upstream = Held()
    limits = LimitsSpec(
        concurrency=1, deadline=Duration(0.02), breaker=BreakerSpec(failures=1), retries=0
    )
    source = guard(upstream, Time(), limits)
    async with source.permits.held(Priority.CALLER):
        assert await kind_of(source) is Kind.OVERLOADED
    assert source.breaker.state == "closed"


async def test_slow_calls_open_the_circuit_although_they_bring_something() -> None:
    time = Time()

    class Slow(Upstream):
        async def fetch(self, query: Query) -> Payload:
            time.now += 9
            return await super().fetch(query)

    limits = LimitsSpec(breaker=BreakerSpec(min_calls=4, window=Duration(600)))
    source = guard(Slow(), time, limits)
    for _ in range(4):
        await source.fetch(QUERY)
    assert await kind_of(source) is Kind.CIRCUIT_OPEN


async def test_a_call_commits_the_work_that_it_is_made_for() -> None:
    mark = Commitment()
    source = guard(Upstream(), Time())
    await asyncio.create_task(source.fetch(QUERY), context=context_of(mark))
    assert mark.made


async def test_an_upstream_that_says_it_has_no_call_left_is_left_alone_for_so_long() -> None:
    time = Time()

    class Counting(Upstream):
        async def fetch(self, query: Query) -> Payload:
            return replace(await super().fetch(query), pause=30.0)

    upstream = Counting()
    source = guard(upstream, time)
    await source.fetch(QUERY)
    assert await kind_of(source) is Kind.QUOTA_SHORT
    time.now += 30
    await source.fetch(QUERY)
    assert upstream.calls == 2


async def test_refreshes_leave_half_of_the_retries_to_those_who_wait() -> None:
    time, upstream = Time(), Upstream(*(failed() for _ in range(999)))
    circuit = BreakerSpec(failures=1000, min_calls=1000)
    limits = LimitsSpec(retry_ratio=0, retry_burst=10, backoff=Duration(0), breaker=circuit)
    source = guard(upstream, time, limits)
    for _ in range(10):
        with pytest.raises(UpstreamError):
            await source.fetch(replace(QUERY, priority=Priority.REFRESH))
    assert upstream.calls == 10 + 5
    for _ in range(10):
        await kind_of(source)
    assert upstream.calls == 20 + 10


class Pages:
    """Makes three calls for one fetch."""

    def __init__(self) -> None:
        self.calls = 0

    async def fetch(self, query: Query) -> Payload:
        for number in range(3):
            if number:
                await further_call()
            self.calls += 1
        return EMPTY


async def test_further_pages_count_for_the_quota_and_are_paced() -> None:
    time, source = Time(), Pages()
    limits = LimitsSpec(
        quotas=(QuotaSpec(limit=4, per="day", window="calendar"),), min_interval=Duration(1)
    )
    breaker = Breaker("x", 5, 60, clock=time, on_change=lambda *change: None)
    guarded = Guarded(source, limits, breaker, clock=time, sleep=time.sleep)
    await guarded.fetch(QUERY)
    assert time.slept == [1.0, 1.0]
    assert await kind_of(guarded) is Kind.QUOTA_DAY
    assert source.calls == 4


async def test_nobody_counts_the_pages_of_a_source_without_a_guard() -> None:
    assert await Pages().fetch(QUERY) is EMPTY


def test_the_guards_of_a_composite_source_have_names() -> None:
    time = Time()
    part = guard(Upstream(), time)
    spec = CompositeSpec(parts={"sales": PartSpec(request=RequestSpec(url="https://a.example"))})
    whole = CompositeSource(spec, {"sales": part}, Attribution(""), time, seconds=1)
    breaker = Breaker("x", 5, 60, clock=time, on_change=lambda *change: None)
    outer = Guarded(whole, LimitsSpec(), breaker, clock=time)
    assert dict(outer.named("report")) == {"report": outer, "report.sales": part}
