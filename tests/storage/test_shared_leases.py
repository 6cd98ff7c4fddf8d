"""Leases whose keeper is away for a moment, and what is done with each of its answers."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from storage.leases import Note
from storage.shared_leases import AGAIN, LINGER, POLL, TERM, Answer, SharedLeases
from storage.tier import TierError
from tests.waiting import eventually


class Kept(SharedLeases):
    """Leases in memory; the next *failures* ends cannot be told, and none before *idle*."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__()
        self.failures = failures
        self.told: list[str] = []
        self.tries = 0
        self.idle = asyncio.Event()
        self.idle.set()

    async def _acquire(self, key: str, token: str, *, insist: bool) -> Answer:
        return Answer(ours=True)

    async def _renew(self, key: str, token: str) -> None:
        """It is not lost."""

    async def _give_back(self, key: str, token: str, note: Note, linger: float) -> None:
        self.tries += 1
        await self.idle.wait()
        if self.failures:
            self.failures -= 1
            raise TierError("away")
        self.told.append(key)


async def work() -> str:
    return "made"


async def look(_note: str) -> str | None:
    return None


async def test_an_end_that_could_not_be_told_is_told_again_soon() -> None:
    leases = Kept(failures=2)
    assert await leases.once("k", work, look, lambda _: Note()) == "made"
    await eventually(lambda: leases.told)
    assert leases.told == ["k"]
    assert leases.failures == 0


async def test_a_lease_is_renewed_no_more_after_its_work_though_a_cancellation_is_lost() -> None:
    class Deaf(Kept):
        renewing = asyncio.Event()

        async def _renew(self, key: str, token: str) -> None:
            self.renewing.set()
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    leases = Deaf()
    leases._term = 0.03
    renewals: list[asyncio.Task[object]] = []

    async def long_work() -> str:
        await leases.renewing.wait()
        renewals.extend(each for each in asyncio.all_tasks() if each.get_name() == "lease k")
        return "made"

    assert await leases.once("k", long_work, look, lambda _: Note()) == "made"
    assert len(renewals) == 1
    await asyncio.wait(renewals, timeout=30)
    assert renewals[0].done()


async def test_closing_tries_once_more_and_does_not_wait_for_a_keeper_that_stays_away() -> None:
    leases = Kept(failures=100)
    await leases.once("k", work, look, lambda _: Note())
    await eventually(lambda: leases.tries == 1)
    await leases.close()
    assert leases.tries == 2  # it may be tried oftener while the gateway runs
    assert len(AGAIN) > leases.tries


async def test_closing_tells_what_is_being_told_to_a_keeper_that_is_busy() -> None:
    leases = Kept()
    leases.idle.clear()
    await leases.once("k", work, look, lambda _: Note())
    closing = asyncio.create_task(leases.close())
    # Longer than Redis takes: a statement of a database that has much to do.
    asyncio.get_running_loop().call_later(0.3, leases.idle.set)
    await closing
    assert leases.told == ["k"]


async def test_closing_does_not_wait_for_a_keeper_that_never_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("storage.shared_leases.LEAVING", 0.05)
    leases = Kept()
    leases.idle.clear()
    await leases.once("k", work, look, lambda _: Note())
    await leases.close()
    assert (leases.tries, leases.told, leases._out) == (1, [], set())


class Told(SharedLeases):
    """Leases that are told *answers* one after the other, and last that a key is theirs."""

    def __init__(self, *answers: Answer, term: float = TERM, poll: float = POLL) -> None:
        super().__init__(term, poll)
        self.answers = [*answers, Answer(ours=True)]
        self.insisted: list[bool] = []
        self.ends: list[tuple[str, Note, float]] = []
        self.renewals = 0

    async def _acquire(self, key: str, token: str, *, insist: bool) -> Answer:
        self.insisted.append(insist)
        return self.answers.pop(0)

    async def _renew(self, key: str, token: str) -> None:
        self.renewals += 1

    async def _give_back(self, key: str, token: str, note: Note, linger: float) -> None:
        self.ends.append((key, note, linger))


async def test_a_lease_is_renewed_until_the_work_is_done_and_no_longer() -> None:
    leases = Told(term=0.003)
    async with asyncio.timeout(30):
        await leases.once("k", lambda: eventually(lambda: leases.renewals > 1), look, _no_note)
        await eventually(lambda: "lease k" not in [each.get_name() for each in asyncio.all_tasks()])


@pytest.mark.parametrize(("left", "poll"), [(0.001, 600.0), (600.0, 0.001)])
async def test_who_waits_asks_again_after_a_while_or_when_the_owner_must_be_gone(
    left: float, poll: float
) -> None:
    leases = Told(Answer(ours=False, left=left), poll=poll)
    async with asyncio.timeout(30):
        assert await leases.once("k", work, look, _no_note) == "made"
    assert leases._waiting == {}


async def test_who_waits_asks_again_at_once_when_an_end_may_have_been_missed() -> None:
    leases = Told(Answer(ours=False, left=600.0), poll=600.0)
    asked = asyncio.create_task(leases.once("k", work, look, _no_note))
    await eventually(lambda: leases._waiting)
    leases._wake_all()
    leases._wake_all()  # who is awake already is not woken again
    async with asyncio.timeout(30):
        assert await asked == "made"


async def test_who_finds_nothing_after_an_end_insists_on_the_work() -> None:
    leases = Told(Answer(ours=False, note="from another version"))
    assert await leases.once("k", work, look, _no_note) == "made"
    assert leases.insisted == [False, True]


async def test_a_lease_that_was_taken_for_nothing_is_given_back() -> None:
    async def found(_note: str) -> str:
        return "found"

    async def failed(_note: str) -> str:
        raise KeyError("the last owner's failure")

    leases = Told(Answer(ours=True, note=""), Answer(ours=True, note="it failed"))
    assert await leases.once("k", work, found, _no_note) == "found"
    with pytest.raises(KeyError):
        await leases.once("k", work, failed, _no_note)
    await leases.close()
    assert leases.ends == [("k", Note(), LINGER)] * 2


async def test_an_end_is_known_for_as_long_as_its_note_holds_and_for_a_moment_at_least() -> None:
    async def fail() -> str:
        raise KeyError("no")

    leases = Told(Answer(ours=True), Answer(ours=True))
    for note in (Note("no", 7.0), Note("no", LINGER / 2)):
        with pytest.raises(KeyError):
            await leases.once("k", fail, look, lambda _, said=note: said)  # type: ignore[misc]
    await leases.close()
    assert [linger for _, _, linger in leases.ends] == [7.0, LINGER]


def _no_note(_error: BaseException) -> Note:
    return Note()
