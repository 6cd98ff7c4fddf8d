from __future__ import annotations

import asyncio
from dataclasses import replace

import msgspec
import orjson
import pytest

from adapters.errors import Kind, SummaryError, UpstreamError
from adapters.source import Payload, Priority, Query
from adapters.sources.units import Duration
from gateway.answer import Answer
from gateway.events import (
    Failed,
    Fetched,
    FetchFailed,
    Served,
    Summarized,
    SummaryFailed,
    SummaryReused,
    TierFailed,
)
from gateway.flights import FlightsSpec
from gateway.route import Deadlines
from storage.entry import Found
from tests.gateway.world import POLICY, RECORD, ScriptedSource, World


def shown(answer: Answer) -> dict[str, object]:
    body: dict[str, object] = orjson.loads(answer.body())
    return body


async def test_the_first_is_fetched_and_summarized_and_the_second_is_a_hit() -> None:
    world = World()
    first = await world.resolver.resolve(world.lookup())
    second = await world.resolver.resolve(world.lookup())
    assert (first.outcome, first.tier, first.stored) == ("miss", "", True)
    assert (second.outcome, second.tier) == ("hit", "memory")
    assert (world.source.calls, len(world.summarizer.briefs)) == (1, 1)
    assert first.body() == second.body()
    body = shown(second)
    assert body["items"] == [{**RECORD, "summary": None}]
    assert body["summary"] == {
        "text": "두통에 사용합니다.",
        "by": "openai:mock",
        "at": "2027-01-15T08:00:00Z",
        "grounded": True,
    }
    assert (body["total"], body["degraded"], body["keyword"]) == (1, [], None)


async def test_a_thousand_cold_lookups_make_one_call() -> None:
    world = World()
    world.source.gate.clear()
    callers = [asyncio.create_task(world.resolver.resolve(world.lookup())) for _ in range(1000)]
    while world.flights.waiters < 1000:
        await asyncio.sleep(0)
    world.source.gate.set()
    answers = await asyncio.gather(*callers)
    assert (world.source.calls, len(world.summarizer.briefs)) == (1, 1)
    assert sum(answer.outcome == "collapsed" for answer in answers) == 999


async def test_with_and_without_a_summary_share_one_call_and_keep_the_summary() -> None:
    world = World()
    world.source.gate.clear()
    without = asyncio.create_task(world.resolver.resolve(world.lookup(), want_summary=False))
    with_one = asyncio.create_task(world.resolver.resolve(world.lookup()))
    while world.flights.waiters < 2:
        await asyncio.sleep(0)
    world.source.gate.set()
    await asyncio.gather(without, with_one)
    assert world.source.calls == 1
    assert shown(await world.resolver.resolve(world.lookup()))["summary"] is not None


async def test_who_wants_no_summary_pays_for_none_until_somebody_does() -> None:
    world = World()
    await world.resolver.resolve(world.lookup(), want_summary=False)
    assert world.summarizer.briefs == []
    answer = await world.resolver.resolve(world.lookup())
    assert (world.source.calls, len(world.summarizer.briefs)) == (1, 1)
    assert answer.degraded == ()


async def test_a_stale_answer_comes_at_once_and_is_refreshed_behind() -> None:
    world = World()
    await world.resolver.resolve(world.lookup())
    world.clock.advance(100.5)
    world.source.gate.clear()
    stale = await world.resolver.resolve(world.lookup())
    assert (stale.outcome, stale.degraded, stale.ttl, stale.age) == ("stale", ("stale",), -1, 100)
    world.source.gate.set()
    await world.landed()
    fresh = await world.resolver.resolve(world.lookup())
    assert (fresh.outcome, fresh.age, world.source.calls) == ("hit", 0, 2)


async def test_unchanged_records_keep_their_summary_and_changed_ones_get_another() -> None:
    world = World()
    await world.resolver.resolve(world.lookup())
    world.clock.advance(160)
    await world.resolver.resolve(world.lookup())
    assert (world.source.calls, len(world.summarizer.briefs)) == (2, 1)
    world.source.records = ({**RECORD, "purpose": "치통에 사용합니다."},)
    world.clock.advance(160)
    await world.resolver.resolve(world.lookup())
    assert len(world.summarizer.briefs) == 2


async def test_changed_records_never_carry_the_old_summary() -> None:
    world = World()
    await world.resolver.resolve(world.lookup())
    world.source.records = ({**RECORD, "purpose": "치통에 사용합니다."},)
    world.clock.advance(160)
    answer = await world.resolver.resolve(world.lookup(), want_summary=False)
    assert answer.entry.summary is None


async def test_past_its_time_a_caller_waits_and_the_refresh_is_told() -> None:
    world = World()
    await world.resolver.resolve(world.lookup())
    world.clock.advance(151)
    answer = await world.resolver.resolve(world.lookup())
    assert (answer.outcome, answer.refreshed, answer.age) == ("miss", True, 0)


async def test_a_broken_upstream_leaves_the_old_answer_marked_stale() -> None:
    world = World()
    await world.resolver.resolve(world.lookup())
    world.clock.advance(299)
    world.source.errors.append(UpstreamError(Kind.UPSTREAM_DOWN, "down"))
    answer = await world.resolver.resolve(world.lookup())
    assert (answer.outcome, answer.degraded) == ("stale", ("stale",))
    assert [event.kind for event in world.seen if isinstance(event, FetchFailed)] == [
        "upstream_down"
    ]


async def test_too_old_to_stand_in_is_an_error() -> None:
    world = World()
    await world.resolver.resolve(world.lookup())
    world.clock.advance(300)
    world.source.errors.append(UpstreamError(Kind.UPSTREAM_DOWN, "down"))
    with pytest.raises(UpstreamError, match="down"):
        await world.resolver.resolve(world.lookup())
    assert isinstance(world.seen[-1], Failed)


async def test_with_the_model_failing_the_records_are_the_answer() -> None:
    world = World()
    world.summarizer.errors.append(SummaryError("timeout", "slow"))
    answer = await world.resolver.resolve(world.lookup())
    assert answer.degraded == ("summary",)
    assert shown(answer)["summary"] is None
    assert [event.reason for event in world.seen if isinstance(event, SummaryFailed)] == ["timeout"]


async def test_a_failed_summary_is_not_asked_for_by_every_caller_but_tried_again() -> None:
    world = World()
    world.summarizer.errors.append(SummaryError("timeout", "slow"))
    await world.resolver.resolve(world.lookup())
    again = await world.resolver.resolve(world.lookup())
    assert (again.outcome, again.degraded) == ("hit", ("summary",))
    assert len(world.summarizer.briefs) == 1

    world.clock.advance(31)
    await world.resolver.resolve(world.lookup())
    await world.landed()
    healed = await world.resolver.resolve(world.lookup())
    assert (healed.degraded, world.source.calls, len(world.summarizer.briefs)) == ((), 1, 2)


async def test_a_truncated_summary_is_never_kept() -> None:
    world = World()
    world.summarizer.finish = "length"
    answer = await world.resolver.resolve(world.lookup())
    assert answer.degraded == ("summary",)
    assert b'"by":"extractive"' in answer.body()


async def test_a_refused_summary_is_tried_once_more_with_what_was_wrong() -> None:
    world = World()
    world.summarizer.text = "두통에 750 mg을 사용합니다."
    world.summarizer.mended = "두통에 사용합니다."
    answer = await world.resolver.resolve(world.lookup())
    assert answer.degraded == ()
    first, second = world.summarizer.briefs
    assert first.rejected == ()
    assert any("750 mg" in reason for reason in second.rejected)


async def test_a_number_that_the_records_lack_is_never_kept() -> None:
    world = World()
    world.summarizer.text = "두통에 750 mg을 사용합니다."
    answer = await world.resolver.resolve(world.lookup())
    assert (answer.degraded, len(world.summarizer.briefs)) == (("summary",), 2)
    assert b'"by":"extractive"' in answer.body()
    assert b"750" not in answer.body()
    # What stands in for it is kept as that, until it may be tried again.
    ((stand_in, _),) = world.summaries.kept.values()
    assert stand_in.retry > 0
    assert b"750" not in stand_in.body


async def test_records_that_the_gate_refuses_are_an_error_and_never_kept() -> None:
    world = World()
    world.source.records = ({"purpose": "neither id nor name"},)
    with pytest.raises(UpstreamError) as caught:
        await world.resolver.resolve(world.lookup())
    assert caught.value.kind is Kind.MALFORMED
    assert world.tiers.peek(world.lookup().key) is None


async def test_a_refused_summary_is_not_paid_for_again_while_its_records_are_the_same() -> None:
    world = World(policy=msgspec.structs.replace(POLICY, ttl=Duration(86_400)))
    world.summarizer.text = "두통에 750 mg을 사용합니다."
    await world.resolver.resolve(world.lookup())
    world.clock.advance(3600)
    again = await world.resolver.resolve(world.lookup())
    assert (again.outcome, again.degraded) == ("hit", ("summary",))
    assert len(world.summarizer.briefs) == 2


async def test_a_refresh_of_unchanged_records_does_not_pay_for_a_refused_summary_again() -> None:
    world = World()
    world.summarizer.text = "두통에 750 mg을 사용합니다."
    await world.resolver.resolve(world.lookup())
    world.clock.advance(160)
    refreshed = await world.resolver.resolve(world.lookup())
    assert (refreshed.refreshed, refreshed.degraded) == (True, ("summary",))
    assert (world.source.calls, len(world.summarizer.briefs)) == (2, 2)


async def test_no_match_is_an_answer_kept_for_a_short_while() -> None:
    world = World()
    world.source.records = ()
    first = await world.resolver.resolve(world.lookup())
    assert (shown(first)["total"], first.degraded) == (0, ())
    world.clock.advance(9)
    assert (await world.resolver.resolve(world.lookup())).outcome == "hit"
    world.clock.advance(2)
    assert (await world.resolver.resolve(world.lookup())).outcome == "stale"
    assert world.summarizer.briefs == []
    await world.landed()


async def test_another_query_that_finds_the_same_records_pays_for_no_summary() -> None:
    world = World()
    await world.resolver.resolve(world.lookup("타이레놀"))
    other = await world.resolver.resolve(world.lookup("타이레놀정"))
    assert (world.source.calls, len(world.summarizer.briefs)) == (2, 1)
    assert shown(other)["summary"] is not None
    assert [event.key for event in world.seen if isinstance(event, SummaryReused)] == [
        other.entry.key
    ]


async def test_queries_that_find_the_same_records_at_once_share_one_summary() -> None:
    world = World()
    world.source.gate.clear()
    names = [f"name {number}" for number in range(20)]
    callers = [asyncio.create_task(world.resolver.resolve(world.lookup(name))) for name in names]
    while world.source.calls < len(names):
        await asyncio.sleep(0)
    world.source.gate.set()
    answers = await asyncio.gather(*callers)
    assert len(world.summarizer.briefs) == 1
    assert all(answer.degraded == () for answer in answers)


async def test_a_summary_is_kept_for_as_long_as_its_source_says() -> None:
    world = World()
    await world.resolver.resolve(world.lookup())
    [(summary, keep_until)] = world.summaries.kept.values()
    assert keep_until == summary.at + world.route.freshness.summary_ttl


async def test_without_its_store_a_summary_is_written_all_the_same() -> None:
    world = World()
    world.summaries.broken = True
    assert (await world.resolver.resolve(world.lookup())).degraded == ()
    failed = [event.operation for event in world.seen if isinstance(event, TierFailed)]
    assert failed == ["get", "put"]


async def test_an_angle_has_a_summary_of_its_own() -> None:
    world = World()
    await world.resolver.resolve(world.lookup())
    await world.resolver.resolve(world.lookup(keyword="임신"))
    assert [brief.keyword for brief in world.summarizer.briefs] == ["", "임신"]


async def test_a_caller_who_leaves_cancels_nothing() -> None:
    world = World()
    world.source.gate.clear()
    caller = asyncio.create_task(world.resolver.resolve(world.lookup()))
    while not world.source.calls:
        await asyncio.sleep(0)
    caller.cancel()
    await asyncio.wait([caller])
    world.source.gate.set()
    await world.landed()
    assert (await world.resolver.resolve(world.lookup())).outcome == "hit"


async def test_what_terms_forbid_to_keep_is_answered_and_forgotten() -> None:
    world = World(store="never")
    first = await world.resolver.resolve(world.lookup())
    second = await world.resolver.resolve(world.lookup())
    assert (first.stored, second.outcome, world.source.calls) == (False, "miss", 2)
    assert (world.memory.entries, world.names.known, world.summaries.kept) == (0, [], {})


async def test_what_may_stand_in_memory_alone_stands_nowhere_else() -> None:
    world = World(store="memory_only")
    await world.resolver.resolve(world.lookup())
    assert (await world.resolver.resolve(world.lookup())).outcome == "hit"
    assert (world.names.known, world.summaries.kept) == ([], {})


async def test_refresh_does_nothing_for_what_is_fresh() -> None:
    world = World()
    assert await world.resolver.refresh(world.lookup()) is not None
    assert await world.resolver.is_fresh(world.lookup())
    assert await world.resolver.refresh(world.lookup()) is None
    world.clock.advance(100.5)
    refreshed = await world.resolver.refresh(world.lookup())
    assert refreshed is not None
    assert refreshed.age == 0


async def test_every_answer_is_told_once() -> None:
    world = World()
    await world.resolver.resolve(world.lookup())
    await world.resolver.resolve(world.lookup())
    served = [event for event in world.seen if isinstance(event, Served)]
    assert [(event.outcome, event.tier) for event in served] == [("miss", ""), ("hit", "memory")]


async def test_a_source_is_told_whether_a_caller_waits_or_nobody_does() -> None:
    world = World()
    await world.resolver.resolve(world.lookup())
    world.clock.advance(100.5)
    await world.resolver.resolve(world.lookup())
    await world.landed()
    world.clock.advance(100.5)
    await world.resolver.refresh(world.lookup())

    assert world.source.priorities == [Priority.CALLER, Priority.REFRESH, Priority.WARMUP]
    assert [brief.priority for brief in world.summarizer.briefs] == [Priority.CALLER]


def impatient(world: World, soft: float) -> None:
    """Let callers with an old answer wait only *soft* seconds."""
    world.resolver._routes = {
        "medicine": replace(world.route, deadlines=Deadlines(soft=soft, hard=60))
    }


async def test_an_old_answer_is_given_when_the_fetch_is_slow_and_the_flight_goes_on() -> None:
    world = World()
    impatient(world, 0.02)
    await world.resolver.resolve(world.lookup())
    world.clock.advance(160)
    world.source.gate.clear()
    slow = await world.resolver.resolve(world.lookup())
    assert (slow.outcome, slow.degraded) == ("stale", ("stale",))
    assert world.flights.count == 1
    world.source.gate.set()
    await world.landed()
    fresh = await world.resolver.resolve(world.lookup())
    assert (fresh.outcome, fresh.age, world.source.calls) == ("hit", 0, 2)


async def test_without_an_old_answer_a_caller_waits_as_long_as_it_says() -> None:
    world = World()
    impatient(world, 0.0)
    world.source.gate.clear()
    with pytest.raises(UpstreamError) as caught:
        await world.resolver.resolve(world.lookup(), 0.02)
    assert caught.value.kind is Kind.TIMEOUT
    world.source.gate.set()
    await world.landed()
    assert (await world.resolver.resolve(world.lookup())).outcome == "hit"


@pytest.mark.parametrize("age", [110, 160])
async def test_a_refresh_that_fails_is_not_tried_for_every_caller(age: float) -> None:
    world = World()
    await world.resolver.resolve(world.lookup())
    world.clock.advance(age)
    world.source.errors.extend(UpstreamError(Kind.TRANSIENT, "no") for _ in range(99))
    for _ in range(20):
        answer = await world.resolver.resolve(world.lookup())
        assert (answer.outcome, answer.degraded) == ("stale", ("stale",))
        await world.landed()
        world.clock.advance(1)
    # Rests of 5, 10 and 20 seconds: three tries in twenty seconds, beside the first fetch.
    assert world.source.calls == 4


async def test_the_last_hits_of_a_dear_answer_renew_it_before_it_expires() -> None:
    world = World()
    first = await world.resolver.resolve(world.lookup())
    dear = msgspec.structs.replace(first.entry.records, cost=2.0)
    world.memory.keep(msgspec.structs.replace(first.entry, records=dear))
    world.resolver._draw = lambda: 0.999
    world.clock.advance(80)
    assert (await world.resolver.resolve(world.lookup())).outcome == "hit"
    assert world.flights.count == 0
    world.clock.advance(10)
    hit = await world.resolver.resolve(world.lookup())
    assert (hit.outcome, hit.degraded, hit.age) == ("hit", (), 90)
    await world.landed()
    renewed = await world.resolver.resolve(world.lookup())
    assert (renewed.age, world.source.calls, len(world.summarizer.briefs)) == (0, 2, 1)


class Conditional(ScriptedSource):
    """Says "unchanged" to whoever has what it last gave."""

    async def fetch(self, query: Query) -> Payload:
        payload = await super().fetch(query)
        if query.validator == "v1":
            return msgspec.structs.replace(payload, records=(), total=0, unchanged=True)
        return msgspec.structs.replace(payload, validator="v1")


async def test_unchanged_upstream_renews_the_age_of_what_is_kept_and_nothing_else() -> None:
    world = World()
    source = Conditional(world.clock)
    world.resolver._routes = {"medicine": replace(world.route, source=source)}
    first = await world.resolver.resolve(world.lookup())
    world.clock.advance(160)
    again = await world.resolver.resolve(world.lookup())
    assert (source.calls, again.age, again.degraded) == (2, 0, ())
    assert again.entry.records.body == first.entry.records.body
    assert again.entry.summary == first.entry.summary
    assert len(world.summarizer.briefs) == 1
    world.clock.advance(160)
    await world.resolver.resolve(world.lookup())
    assert source.calls == 3


async def test_with_too_many_flights_what_is_kept_is_given_and_the_rest_is_refused() -> None:
    world = World()
    world.flights._spec = FlightsSpec(limit=1)
    await world.resolver.resolve(world.lookup())
    world.clock.advance(160)
    world.source.gate.clear()
    world.flights.start("busy", world.source.gate.wait)  # type: ignore[arg-type]
    assert (await world.resolver.resolve(world.lookup())).outcome == "stale"
    with pytest.raises(UpstreamError) as caught:
        await world.resolver.resolve(world.lookup("other"))
    assert (caught.value.kind, caught.value.retry_after) == (Kind.OVERLOADED, 1)
    world.source.gate.set()
    await world.landed()


async def test_what_landed_while_the_tiers_were_asked_is_not_fetched_again() -> None:
    world = World()
    find, asked, go = world.tiers.find, asyncio.Event(), asyncio.Event()

    async def slow(key: str) -> Found | None:
        found = await find(key)
        asked.set()
        await go.wait()
        return found

    world.tiers.find = slow  # type: ignore[method-assign, assignment]
    late = asyncio.create_task(world.resolver.resolve(world.lookup()))
    await asked.wait()
    world.tiers.find = find  # type: ignore[method-assign]
    await world.resolver.resolve(world.lookup())
    go.set()
    answer = await late
    assert (answer.outcome, answer.tier, world.source.calls) == ("hit", "memory", 1)


async def test_what_a_shared_answer_costs_is_told_with_the_tenant_that_asked() -> None:
    world = World()
    await world.resolver.resolve(replace(world.lookup(), asker="app"))
    told = [event for event in world.seen if isinstance(event, Fetched | Summarized | Served)]
    assert [event.tenant for event in told] == ["app", "app", "app"]
