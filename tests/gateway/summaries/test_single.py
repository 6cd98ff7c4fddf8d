"""``scope: item``: each record has its own summary, paid for once whichever query finds it."""

import asyncio
import json
from typing import Any

from adapters.errors import SummaryError
from adapters.source import Record
from adapters.summarizers.base import Usage
from gateway.answer import Answer
from gateway.events import Summarized, SummaryWasted
from gateway.freshness import REJECTED_RETRY, SUMMARY_RETRY
from tests.gateway.world import World


def record(number: int, purpose: str = "두통에 사용합니다.") -> Record:
    return {"id": str(number), "name": f"약 {number}", "purpose": purpose}


def world_of(*records: Record, **options: Any) -> World:
    world = World(scope="item", **options)
    world.source.records = records
    return world


def items(answer: Answer, **view: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(answer.body(**view))["items"]
    return found


def texts(answer: Answer) -> list[str | None]:
    return [item["summary"] and item["summary"]["text"] for item in items(answer)]


async def test_each_record_has_its_summary_and_several_share_a_call() -> None:
    world = world_of(*(record(n) for n in range(1, 8)))
    answer = await world.resolver.resolve(world.lookup())
    assert texts(answer) == ["두통에 사용합니다."] * 7
    assert [len(brief.records) for brief in world.summarizer.briefs] == [3, 3, 1]
    whole = json.loads(answer.body())
    assert (whole["summary"], whole["degraded"]) == (None, [])
    assert whole["items"][0]["summary"]["by"] == "openai:mock"


async def test_another_query_that_finds_a_record_pays_for_the_others_alone() -> None:
    world = world_of(record(1), record(2))
    await world.resolver.resolve(world.lookup())
    world.source.records = (record(2), record(3))
    answer = await world.resolver.resolve(world.lookup("두통약"))
    assert texts(answer) == ["두통에 사용합니다."] * 2
    assert [brief.records[0]["id"] for brief in world.summarizer.briefs] == ["1", "3"]
    assert "두통약" not in {brief.query for brief in world.summarizer.briefs}


async def test_the_summaries_of_an_answer_are_found_in_one_read() -> None:
    world = world_of(*(record(n) for n in range(1, 8)))
    await world.resolver.resolve(world.lookup())
    assert world.summaries.reads == 1


async def test_two_lookups_at_once_pay_once_for_the_record_that_both_find() -> None:
    world = world_of(record(1), record(2))
    both = (world.lookup(), world.lookup("두통약"))
    answers = await asyncio.gather(*(world.resolver.resolve(lookup) for lookup in both))
    assert [texts(answer) for answer in answers] == [["두통에 사용합니다."] * 2] * 2
    assert len(world.summarizer.briefs) == 1


async def test_unchanged_records_keep_their_summaries_on_a_refresh() -> None:
    world = world_of(record(1), record(2))
    await world.resolver.resolve(world.lookup())
    world.summaries.kept.clear()
    world.clock.advance(500)
    answer = await world.resolver.resolve(world.lookup())
    assert texts(answer) == ["두통에 사용합니다."] * 2
    assert len(world.summarizer.briefs) == 1
    assert world.source.calls == 2


async def test_a_changed_record_alone_is_written_anew() -> None:
    world = world_of(record(1), record(2))
    await world.resolver.resolve(world.lookup())
    world.source.records = (record(1), record(2, "두통에 사용합니다. 식후에 드십시오."))
    world.clock.advance(500)
    await world.resolver.resolve(world.lookup())
    assert [len(brief.records) for brief in world.summarizer.briefs] == [2, 1]


async def test_each_draft_is_checked_apart_and_a_refused_one_tried_alone() -> None:
    world = world_of(record(1), record(2, "치통에 사용합니다."))
    world.summarizer.text = "두통에 사용합니다. 9정까지 드십시오."
    world.summarizer.mended = "두통과 치통에 사용합니다."
    answer = await world.resolver.resolve(world.lookup())
    assert texts(answer) == ["두통과 치통에 사용합니다."] * 2
    tries = [(len(brief.records), brief.rejected) for brief in world.summarizer.briefs]
    assert tries[1:] == [(1, ("ungrounded: number 9정",))] * 2


async def test_a_record_that_the_model_left_out_is_asked_for_alone() -> None:
    world = world_of(record(1), record(2))
    world.summarizer.left_out = 2
    answer = await world.resolver.resolve(world.lookup())
    assert texts(answer) == ["두통에 사용합니다."] * 2
    assert [len(brief.records) for brief in world.summarizer.briefs] == [2, 1]


async def test_the_shares_of_a_call_add_up_to_what_was_paid() -> None:
    world = world_of(*(record(n) for n in range(1, 4)))
    world.summarizer.usage = Usage(100, 10, 11)
    world.summarizer.left_out = 2
    await world.resolver.resolve(world.lookup())
    told = [event for event in world.seen if isinstance(event, Summarized | SummaryWasted)]
    assert sum(event.prompt_tokens or 0 for event in told) == 200
    assert sum(event.cached_tokens or 0 for event in told) == 20
    assert sum(event.completion_tokens or 0 for event in told) == 22
    assert [type(event) for event in told].count(SummaryWasted) == 1


async def test_a_refused_record_is_stood_in_for_and_the_others_keep_theirs() -> None:
    world = world_of(record(1), record(2, "두통에 9정까지 사용합니다."))
    world.summarizer.text = "두통에 9정까지 사용합니다."
    answer = await world.resolver.resolve(world.lookup())
    one, two = items(answer)
    assert (one["summary"]["by"], two["summary"]["by"]) == ("extractive", "openai:mock")
    assert json.loads(answer.body())["degraded"] == ["summary"]
    calls = len(world.summarizer.briefs)
    world.clock.advance(REJECTED_RETRY - 1)
    await world.resolver.resolve(world.lookup("두통약"))
    assert len(world.summarizer.briefs) == calls


async def test_with_the_model_failing_the_records_are_the_answer_and_are_tried_again() -> None:
    world = world_of(record(1), record(2))
    world.summarizer.errors.append(SummaryError("unavailable", "down"))
    answer = await world.resolver.resolve(world.lookup())
    assert texts(answer) == [None, None]
    assert json.loads(answer.body())["degraded"] == ["summary"]
    world.clock.advance(SUMMARY_RETRY)
    await world.resolver.resolve(world.lookup())
    await world.landed()
    assert texts(await world.resolver.resolve(world.lookup())) == ["두통에 사용합니다."] * 2
    assert world.source.calls == 1


async def test_a_view_without_summaries_has_none_in_its_items() -> None:
    world = world_of(record(1))
    answer = await world.resolver.resolve(world.lookup())
    assert items(answer, summary=False)[0]["summary"] is None
    assert set(items(answer, fields=["name"])[0]) == {"id", "name", "summary"}


async def test_what_may_not_be_kept_for_good_is_carried_over_all_the_same() -> None:
    world = world_of(record(1), store="memory_only")
    await world.resolver.resolve(world.lookup())
    world.clock.advance(500)
    assert texts(await world.resolver.resolve(world.lookup())) == ["두통에 사용합니다."]
    assert len(world.summarizer.briefs) == 1
    assert not world.summaries.kept
