from __future__ import annotations

from adapters.errors import SummaryError
from adapters.summarizers.base import Brief
from gateway.streaming import ROOM, Broadcasts, Channel, Script, Shared, Telling
from storage.entry import Entry, Part
from tests.gateway.world import ScriptedSummarizer

ENTRY = Entry("k", "s", b"", Part(b"", 0.0), None, False, 0.0)


def test_a_script_is_wanted_while_somebody_listens() -> None:
    script, channel = Script(), Channel()
    with channel.telling(ENTRY, 1) as broadcast:
        script.follow(broadcast)
        wanted = [script.wanted]
        with channel.listening():
            wanted.append(script.wanted)
        assert [*wanted, script.wanted] == [False, True, False]


def test_whoever_listens_is_woken_by_each_piece_and_reads_on_from_where_it_was() -> None:
    script, channel = Script(), Channel()
    with channel.listening() as early, channel.telling(ENTRY, 1) as broadcast:
        script.follow(broadcast)
        early.bell.clear()
        script.write("a")
        assert early.bell.is_set()
        text, count = script.since(0)
        script.write("b")
        script.write("c")
        with channel.listening() as late:
            assert late.offered == early.offered == [broadcast]
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
    shared = Shared(Channel)
    with shared.hold("a") as one:
        with shared.hold("a") as other, shared.hold("b") as third:
            assert one is other
            assert one is not third
        with shared.hold("a") as again:
            assert again is one
    assert len(shared) == 0


def test_who_stays_on_hears_the_next_flight_and_who_comes_hears_none_that_has_ended() -> None:
    broadcasts = Broadcasts()
    with broadcasts.hold("k") as channel, channel.listening() as early:
        with broadcasts.telling("k", ENTRY, broadcasts.begin()) as first:
            over = [first.over]
        assert [*over, first.over] == [False, True]
        early.bell.clear()
        with channel.listening() as late, broadcasts.telling("k", ENTRY, broadcasts.begin()) as two:
            assert early.bell.is_set()
            assert (first.number, two.number, broadcasts.begun) == (1, 2, 2)
            assert (early.offered, late.offered) == ([first, two], [two])
    assert len(broadcasts) == 0


def test_flights_side_by_side_tell_each_their_own_summary() -> None:
    channel, scripts = Channel(), (Script(), Script())
    with channel.telling(ENTRY, 1) as first, channel.telling(ENTRY, 2) as second:
        scripts[1].follow(second)
        scripts[0].follow(first)
        with channel.listening() as listener:
            assert [each.script for each in listener.offered] == [*scripts]


async def test_a_telling_summarizer_is_the_same_to_everyone_else() -> None:
    script, summarizer = Script(), ScriptedSummarizer()
    telling = Telling(summarizer, script)
    draft = await telling.summarize(Brief("q", (), "ko"))
    assert script.since(0) == (draft.text, 1)
    assert (telling.name, telling.version) == (summarizer.name, summarizer.version)
