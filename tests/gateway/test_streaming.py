from __future__ import annotations

from adapters.errors import SummaryError
from adapters.summarizers.base import Brief
from gateway.streaming import ROOM, Broadcast, Broadcasts, Script, Shared, Telling
from storage.entry import Entry, Part
from tests.gateway.world import ScriptedSummarizer


def test_a_script_is_wanted_while_somebody_listens() -> None:
    script, broadcast = Script(), Broadcast()
    script.follow(broadcast)
    wanted = [script.wanted]
    with broadcast.listening():
        wanted.append(script.wanted)
    assert [*wanted, script.wanted] == [False, True, False]


def test_whoever_listens_is_woken_by_each_piece_and_reads_on_from_where_it_was() -> None:
    script, broadcast = Script(), Broadcast()
    with broadcast.listening() as early:
        script.follow(broadcast)
        early.clear()
        script.write("a")
        assert early.is_set()
        text, count = script.since(0)
        script.write("b")
        script.write("c")
        with broadcast.listening():
            assert script.since(0) == ("abc", 3)  # who comes late gets all of it
        assert (text, script.since(count)) == ("a", ("bc", 3))


def test_what_is_withdrawn_is_told_to_nobody_who_comes_later() -> None:
    script, fault = Script(), SummaryError("timeout", "too slow")
    script.write("7531 mg")
    script.withdraw(fault)
    script.write("more")
    assert script.since(0) == ("", 0)
    assert script.since(1) == ("", 1)
    assert script.fault is fault


def test_a_script_has_room_for_so_much() -> None:
    script = Script()
    for _ in range(ROOM + 10):
        script.write("x")
    assert len(script.since(0)[0]) == ROOM


def test_a_value_is_shared_while_it_is_held_and_goes_with_the_last() -> None:
    shared = Shared(Broadcast)
    with shared.hold("a") as one:
        with shared.hold("a") as other, shared.hold("b") as third:
            assert one is other
            assert one is not third
        with shared.hold("a") as again:
            assert again is one
    assert len(shared) == 0


def test_what_has_ended_is_not_given_to_the_next() -> None:
    shared = Shared(Broadcast)
    with shared.hold("a") as listener:
        with shared.hold("a", ending=True) as flight:
            assert flight is listener
        with shared.hold("a") as next_one:
            assert next_one is not listener
    assert len(shared) == 0


def test_whoever_tells_other_records_takes_the_summary_of_those_before_along() -> None:
    broadcasts = Broadcasts()
    entry = Entry("k", "s", b"", Part(b"", 0.0), None, False, 0.0)
    with broadcasts.hold("k") as broadcast:
        for begun in (1, 2):
            broadcast.begin(entry, broadcasts.begin())
            assert (broadcast.number, broadcasts.begun, broadcast.script) == (begun, begun, None)
            Script().follow(broadcast)


async def test_a_telling_summarizer_is_the_same_to_everyone_else() -> None:
    script, summarizer = Script(), ScriptedSummarizer()
    telling = Telling(summarizer, script)
    draft = await telling.summarize(Brief("q", (), "ko"))
    assert script.since(0) == (draft.text, 1)
    assert (telling.name, telling.version) == (summarizer.name, summarizer.version)
