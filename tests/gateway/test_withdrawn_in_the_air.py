"""Who comes after an acknowledged withdrawal is given nothing that was fetched before it.

The log of these tests is what a replica knows of it: it may have lost it (its lease is over, and
others acknowledge without it), and hear of a withdrawal later.
"""

from __future__ import annotations

import asyncio

import orjson
import pytest

from gateway.answer import Answer
from storage.withdrawals import NEVER, SHARED, Scope, Withdrawal
from tests.gateway.world import RECORD, World

OLD, NEW = "두통에 사용합니다.", "치통에 사용합니다."
"""What the source says before it is withdrawn, and afterwards."""


class Replica(World):
    """A gateway, and what it knows of the log."""

    def __init__(self) -> None:
        super().__init__()
        self.log = self.tiers.withdrawals
        self.says(OLD)

    def says(self, text: str) -> None:
        """Have the source say *text* from now on, and the model after it, as soon as both may."""
        self.source.records = ({**RECORD, "purpose": text},)
        self.source.gate, self.summarizer.gate = asyncio.Event(), asyncio.Event()
        self.summarizer.text = text

    def withdrawn(self) -> Withdrawal:
        """Return the line of what is withdrawn now; the source says else from now on."""
        self.says(NEW)
        return Withdrawal(self.log.position + 1, Scope("source", SHARED, "medicine"))

    def loses_the_log(self) -> None:
        self.log.until = 0.0

    def follows_the_log(self, *lines: Withdrawal) -> None:
        self.log.until = NEVER
        self.log.apply(lines)

    async def asked(self, *, want_summary: bool = False) -> asyncio.Task[Answer]:
        """Return what somebody is answered who waits for what is in the air."""
        resolving = self.resolver.resolve(self.lookup(), want_summary=want_summary)
        task = asyncio.create_task(resolving)
        await self.turns()
        return task

    async def turns(self) -> None:
        """Let everything go on that waits for nothing but its turn."""
        for _ in range(50):
            await asyncio.sleep(0)


def purpose(answer: Answer) -> str:
    return str(orjson.loads(answer.body())["items"][0]["purpose"])


@pytest.fixture
async def replica() -> Replica:
    return Replica()


async def test_who_comes_while_the_log_is_lost_is_not_given_what_is_found_to_be_withdrawn_later(
    replica: Replica,
) -> None:
    let = replica.source.gate
    before = await replica.asked()
    replica.loses_the_log()
    line = replica.withdrawn()
    after = await replica.asked()
    # Now it hears of it, and stands no further than when the caller came.
    replica.follows_the_log(line)
    let.set()
    replica.source.gate.set()
    assert purpose(await before) == OLD
    assert purpose(await after) == NEW


@pytest.mark.parametrize("lost", [False, True])
async def test_a_flight_that_begins_after_a_withdrawal_brings_no_records_fetched_before_it(
    replica: Replica, *, lost: bool
) -> None:
    let = replica.source.gate
    before = await replica.asked(want_summary=False)
    replica.loses_the_log()
    line = replica.withdrawn()
    if not lost:
        replica.follows_the_log(line)
    # Another flight, since it has a summary; both want the same records.
    after = await replica.asked(want_summary=True)
    assert replica.flights.count == 2
    let.set()
    replica.source.gate.set()
    replica.summarizer.gate.set()
    assert purpose(await before) == OLD
    assert purpose(await after) == NEW


async def test_a_flight_that_begins_after_a_withdrawal_shares_records_fetched_since(
    replica: Replica,
) -> None:
    replica.follows_the_log(replica.withdrawn())
    before = await replica.asked(want_summary=False)
    after = await replica.asked(want_summary=True)
    replica.source.gate.set()
    replica.summarizer.gate.set()
    assert purpose(await before) == purpose(await after) == NEW
    assert replica.source.calls == 1


async def test_what_was_found_before_the_log_was_lost_is_not_carried_over_for_who_came_since(
    replica: Replica,
) -> None:
    replica.source.gate.set()
    kept = await (await replica.asked(want_summary=False))
    first = replica.source.gate, replica.summarizer.gate
    # Two whose records are kept and fresh; their summary is written for a while.
    writing = await replica.asked(want_summary=True)
    waiting = await replica.asked(want_summary=True)
    replica.loses_the_log()
    replica.withdrawn()
    after = await replica.asked(want_summary=True)
    replica.source.gate.set()
    replica.summarizer.gate.set()
    for each in first:
        each.set()
    # Who has waited takes off again first, with what was found before.
    answers = [purpose(await each) for each in (writing, waiting, after)]
    assert (purpose(kept), answers[0], answers[2]) == (OLD, OLD, NEW)


async def test_what_was_withdrawn_in_the_air_takes_the_place_of_nothing_newer(
    replica: Replica,
) -> None:
    replica.source.gate.set()
    let = replica.summarizer.gate  # its summary takes a while
    before = await replica.asked(want_summary=True)
    replica.follows_the_log(replica.withdrawn())
    replica.source.gate.set()
    renewed = await replica.resolver.renew(replica.lookup(), want_summary=False)
    let.set()
    late = await before
    assert (purpose(renewed), purpose(late)) == (NEW, OLD)
    assert (renewed.stored, late.stored) == (True, False)
    assert purpose(await (await replica.asked())) == NEW
    assert replica.source.calls == 2
