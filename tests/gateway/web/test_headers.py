from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from gateway.answer import Answer
from gateway.journey import Step
from gateway.web.headers import server_timing
from storage.entry import Look


def test_steps_follow_the_whole_and_their_notes_stay_within_their_quotes() -> None:
    answer = cast("Answer", SimpleNamespace(tier="", looks=()))
    steps = [
        Step("memory", "miss", 0.000_1, 0.000_02),
        Step("summary", 'openai:m"; dur=9, evil\r\nSet-Cookie: a', 0.5, 1.25),
    ]
    assert server_timing(answer, 1.75, steps) == (
        'lookup;desc="upstream";dur=1750.000, '
        'memory;desc="miss";dur=0.020;start=0.100, '
        'summary;desc="openai:m dur9 evilSet-Cookie: a";dur=1250.000;start=500.000'
    )


def test_a_tier_that_lost_its_race_is_told_with_the_time_for_which_it_was_waited_for() -> None:
    looks = (Look("redis", None, 0.001), Look("database", None, 0.000_7, "left"))
    answer = cast("Answer", SimpleNamespace(tier="redis", looks=looks))
    steps = [Step("memory", "miss", 0.0, 0.000_1), Step("redis", "hit", 0.000_2, 0.001)]
    assert server_timing(answer, 0.002, steps) == (
        'lookup;desc="redis";dur=2.000, '
        'memory;desc="miss";dur=0.100;start=0.000, '
        'redis;desc="hit";dur=1.000;start=0.200, '
        'database;desc="left";dur=0.700;start=0.500'
    )
