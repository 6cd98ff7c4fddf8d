from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from adapters.errors import Kind, UpstreamError
from adapters.source import Priority
from gateway.events import Event, Events, WatchChanged
from gateway.wanted import Wanted, written
from gateway.watches.schedule import ScheduleError
from gateway.watches.spec import WatchesSpec
from gateway.watches.watcher import TERM, Watcher
from gateway.watches.watches import TooManyWatchesError, Watches, WebhookRefusedError
from storage.database import open_database
from storage.watches import Watch, WatchStore
from tests.gateway.world import RECORD, World

SPEC = WatchesSpec(max_watches=2, webhook_hosts=("hooks.example",), secret="s" * 24)
ASKED = written(Wanted("medicine", q="타이레놀"))
BLANK = Watch("", "clinic", "app", ASKED, "15m", "UTC", "a note", "news", "", 0.0, 0.0)


class Watching:
    def __init__(self, store: WatchStore) -> None:
        self.world = World()
        self.store = store
        self.watches = Watches(store, SPEC, self.world.clock)
        self.seen: list[Event] = []
        self.events = Events(self.seen.append)

    def watcher(self) -> Watcher:
        return Watcher(
            store=self.store,
            spec=SPEC,
            resolver=self.world.resolver,
            routes={"medicine": self.world.route},
            events=self.events,
            clock=self.world.clock,
        )

    async def look(self) -> Watch:
        assert await self.watcher().look_at_due() == 1
        (watch,) = await self.store.of("clinic")
        return watch

    @property
    def told(self) -> list[WatchChanged]:
        return [event for event in self.seen if isinstance(event, WatchChanged)]


@pytest.fixture
async def watching() -> AsyncIterator[Watching]:
    tier = await open_database("sqlite+aiosqlite:///:memory:")
    yield Watching(WatchStore(tier.database))
    await tier.close()


async def test_what_changed_is_told_when_the_content_changes_and_not_merely_the_time(
    watching: Watching,
) -> None:
    world = watching.world
    await watching.watches.add(BLANK)
    first = await watching.look()
    assert (first.due, first.changed) == (world.clock() + 900, 0.0)
    world.clock.advance(900)
    assert (await watching.look()).changed == 0.0
    assert (world.source.calls, watching.told) == (2, [])
    world.clock.advance(900)
    world.source.records = ({**RECORD, "purpose": "열이 날 때 사용합니다."},)
    assert (await watching.look()).changed == world.clock()
    (event,) = watching.told
    assert (event.tenant, event.source, event.note, event.category) == (
        "clinic",
        "medicine",
        "a note",
        "news",
    )
    (change,) = event.changes["changed"]
    assert change["fields"] == {
        "purpose": {"before": RECORD["purpose"], "after": "열이 날 때 사용합니다."}
    }
    assert "열이" not in repr(event)
    assert set(world.source.priorities) == {Priority.WARMUP}


async def test_a_change_that_others_have_fetched_first_is_told_all_the_same(
    watching: Watching,
) -> None:
    world = watching.world
    await watching.watches.add(BLANK)
    await watching.look()
    world.source.records = ()
    await world.resolver.renew(world.lookup())
    world.clock.advance(900)
    await watching.look()
    assert [each for event in watching.told for each in event.changes["removed"]] == [
        {"id": "1", "name": "타이레놀"}
    ]


async def test_of_several_replicas_one_looks(watching: Watching) -> None:
    await watching.watches.add(BLANK)
    looked = await asyncio.gather(*(watching.watcher().look_at_due() for _ in range(3)))
    assert sorted(looked) == [0, 0, 1]
    assert watching.world.source.calls == 1


async def test_who_dies_while_it_looks_is_succeeded(watching: Watching) -> None:
    await watching.watches.add(BLANK)
    now = watching.world.clock()
    await watching.store.claim(now, now + TERM, 10)
    assert await watching.watcher().look_at_due() == 0
    watching.world.clock.advance(TERM)
    await watching.look()


async def test_a_failure_is_kept_for_its_owner_and_nothing_seems_to_have_gone(
    watching: Watching,
) -> None:
    world = watching.world
    await watching.watches.add(BLANK)
    await watching.look()
    world.clock.advance(900)
    world.source.errors.append(UpstreamError(Kind.MALFORMED, "half of it"))
    watch = await watching.look()
    assert (watch.error, watch.due) == ("half of it", world.clock() + 900)
    world.clock.advance(900)
    assert (await watching.look()).error == ""
    assert watching.told == []


async def test_a_webhook_is_queued_with_what_it_was_called_for(watching: Watching) -> None:
    world = watching.world
    await watching.watches.add(replace(BLANK, webhook="https://hooks.example/x"))
    await watching.look()
    world.source.records = ()
    world.clock.advance(900)
    await watching.look()
    (call,) = await watching.store.claim_calls(world.clock(), world.clock() + 60, 10)
    assert call.url == "https://hooks.example/x"
    assert '"type":"watch.changed"' in call.body


async def test_another_lookup_begins_anew(watching: Watching) -> None:
    await watching.watches.add(BLANK)
    before = await watching.look()
    watching.world.source.records = ()
    other = written(Wanted("medicine", q="게보린"))
    assert await watching.watches.change(before, replace(before, asked=other))
    assert (await watching.look()).error == ""
    assert watching.told == []


async def test_another_schedule_holds_from_now(watching: Watching) -> None:
    await watching.watches.add(BLANK)
    before = await watching.look()
    assert await watching.watches.change(before, replace(before, schedule="1h"))
    (after,) = await watching.store.of("clinic")
    assert after.due == watching.world.clock() + 3600


async def test_what_may_not_be_is_refused(watching: Watching) -> None:
    with pytest.raises(ScheduleError):
        await watching.watches.add(replace(BLANK, schedule="1s"))
    with pytest.raises(WebhookRefusedError):
        await watching.watches.add(replace(BLANK, webhook="https://evil.example/"))
    await watching.watches.add(BLANK)
    await watching.watches.add(BLANK)
    with pytest.raises(TooManyWatchesError):
        await watching.watches.add(BLANK)
    await watching.watches.add(replace(BLANK, tenant="other"))
