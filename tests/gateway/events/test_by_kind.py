from __future__ import annotations

from gateway.events import ByKind, Event, Events, Failed, TierLost, TierReturned

FAILED = Failed("s", "k", "timeout", 1.0)
LOST, RETURNED = TierLost("redis", "gone"), TierReturned("redis")


def test_each_event_goes_to_what_is_there_for_its_kind_and_the_others_to_nobody() -> None:
    failed: list[Event] = []
    lost: list[Event] = []
    by_kind = ByKind({Failed: failed.append, TierLost: lost.append})
    for event in (FAILED, LOST, RETURNED, FAILED):
        by_kind(event)
    assert (failed, lost) == ([FAILED, FAILED], [LOST])


def test_it_is_told_of_nothing_but_the_kinds_that_it_knows() -> None:
    told: list[Event] = []

    events = Events()
    ByKind({TierLost: told.append}).listen(events)
    for event in (FAILED, LOST, RETURNED):
        events.emit(event)
    assert told == [LOST]
