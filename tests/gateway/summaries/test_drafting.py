"""What a model wrote is kept, tried again, or stood in for."""

import json

import pytest

from adapters.errors import SummaryError
from gateway.freshness import REJECTED_RETRY, SUMMARY_RETRY
from tests.gateway.world import World


async def test_an_input_that_was_refused_is_not_paid_for_by_another_query() -> None:
    world = World()
    world.summarizer.text = "두통에 9정까지 드십시오."
    await world.resolver.resolve(world.lookup())
    answer = await world.resolver.resolve(world.lookup("두통약"))
    assert json.loads(answer.body())["summary"]["by"] == "extractive"
    assert len(world.summarizer.briefs) == 2
    world.clock.advance(REJECTED_RETRY)
    await world.resolver.resolve(world.lookup("진통제"))
    assert len(world.summarizer.briefs) == 4


@pytest.mark.parametrize("reason", ["truncated", "malformed"])
async def test_an_answer_that_was_cut_off_or_garbled_is_asked_for_once_more(reason: str) -> None:
    world = World()
    world.summarizer.errors.append(SummaryError(reason, "no"))
    answer = await world.resolver.resolve(world.lookup())
    assert json.loads(answer.body())["summary"]["text"] == "두통에 사용합니다."
    assert [brief.rejected for brief in world.summarizer.briefs] == [(), (reason,)]


@pytest.mark.parametrize("reason", ["refused", "too_long"])
async def test_what_a_model_will_not_write_is_stood_in_for(reason: str) -> None:
    world = World()
    world.summarizer.errors.append(SummaryError(reason, "no"))
    answer = await world.resolver.resolve(world.lookup())
    assert json.loads(answer.body())["summary"]["by"] == "extractive"
    world.clock.advance(SUMMARY_RETRY)
    await world.resolver.resolve(world.lookup("두통약"))
    assert len(world.summarizer.briefs) == 1
