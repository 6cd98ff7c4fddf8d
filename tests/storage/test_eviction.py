from __future__ import annotations

import threading
from collections.abc import Callable
from random import Random

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from storage.eviction import REMEMBERED, S3Fifo


class Line(msgspec.Struct, eq=False):
    key: str
    text: str = ""
    size: int = 10
    told: Callable[[str], object] = lambda _: None
    hits: int = 0
    main: bool = False

    def end(self) -> None:
        self.told(self.text)


def kept(cache: S3Fifo[Line], keys: str) -> str:
    return "".join(key for key in keys if cache.look(key) is not None)


def text(line: Line | None) -> str | None:
    return None if line is None else line.text


def filled(keys: str, size: int = 10, room: int = 10) -> S3Fifo[Line]:
    cache: S3Fifo[Line] = S3Fifo(size * room)
    for key in keys:
        cache.insert(Line(key, key, size))
    return cache


def test_what_was_asked_for_stays_when_others_come() -> None:
    cache = filled("abcdefghij")
    for key in "aajj":
        cache.get(key)
    for number in range(100):
        cache.insert(Line(f"once {number}"))
    assert {"a", "j"} <= set(kept(cache, "abcdefghij"))


def test_a_scan_pushes_out_only_what_is_new() -> None:
    cache = filled("abcdefghij")
    for number in range(1_000):
        cache.insert(Line(f"once {number}"))
    assert len(kept(cache, "abcdefghij")) == 9


def test_what_comes_back_soon_stays_among_the_old() -> None:
    cache = filled("abcdefghij")
    cache.insert(Line("new", "new"))
    for number in range(5):
        cache.insert(Line(f"once {number}"))
    assert cache.look("new") is None
    cache.insert(Line("new", "new"))
    for number in range(5, 10):
        cache.insert(Line(f"once {number}"))
    assert text(cache.look("new")) == "new"


def test_what_is_asked_no_more_gives_way_in_the_end() -> None:
    cache = filled("abcdefghij")
    for key in "abcdefghij" * 5:
        cache.get(key)
    for turn in range(200):
        for key in "klmnopqrst":
            if cache.get(key) is None:
                cache.insert(Line(key, f"{turn}"))
    assert kept(cache, "abcdefghij") == ""


def test_reads_that_use_nothing_keep_nothing() -> None:
    cache = filled("a", room=1)
    for _ in range(9):
        assert text(cache.look("a")) == "a"
    assert cache.look("b") is None
    cache.insert(Line("b", "b"))
    assert (text(cache.get("a")), text(cache.get("b"))) == (None, "b")


def test_what_is_replaced_keeps_its_standing_and_its_place() -> None:
    cache = filled("abcdefghij")
    for _ in range(3):
        cache.get("b")
    assert cache.insert(Line("b", "B", 12))
    assert text(cache.get("b")) == "B"
    assert cache.bytes <= 100


def test_what_is_too_large_is_not_kept_and_its_predecessor_is_not_either() -> None:
    cache = filled("ab")
    assert not cache.insert(Line("a", "A", 101))
    assert not cache.insert(Line("c", "C", 101))
    assert kept(cache, "abc") == "b"
    assert list(cache) == ["b"]
    nothing: S3Fifo[Line] = S3Fifo(0)
    assert not nothing.insert(Line("a", "a", 1))


def test_each_value_is_told_of_once_when_it_ends() -> None:
    told: list[str] = []
    cache: S3Fifo[Line] = S3Fifo(30)
    for key in "abc":
        cache.insert(Line(key, key, 10, told.append))
    cache.insert(Line("a", "A", 10, told.append))
    assert told == ["a"]
    assert text(cache.pop("b")) == "b"
    assert cache.pop("b") is None
    assert told == ["a", "b"]
    cache.insert(Line("d", "d", 20, told.append))
    cache.clear()
    assert sorted(told) == ["A", "a", "b", "c", "d"]
    assert (len(cache), cache.bytes) == (0, 0)


def test_what_was_removed_stands_where_it_stood_when_it_is_back() -> None:
    cache = filled("abcdefghij")
    for key in "bjj":
        cache.get(key)
    assert text(cache.pop("b")) == "b"
    assert len(cache) == 9
    assert cache.insert(Line("b", "B"))
    assert list(cache._main) == list("bcdefghij")
    # Its turn is the next one, and what it was asked for before it was removed counts no more.
    cache.insert(Line("large", size=20))
    assert kept(cache, "abcdefghij") == "cdefghij"


@pytest.mark.parametrize("keys", [1, 2_000])
def test_removed_entries_leave_few_places_behind(keys: int) -> None:
    cache: S3Fifo[Line] = S3Fifo(1_000_000)
    for number in range(keys + 20_000):
        cache.insert(Line(f"{number}"))
        if number >= keys:
            cache.pop(f"{number}")
    assert len(cache) == keys
    assert len(cache._small) + len(cache._main) <= 2 * keys + 1_001
    assert len(cache._vacant) <= keys + 1_001


def test_a_key_has_one_place_whatever_becomes_of_it() -> None:
    cache, rng = S3Fifo[Line](300), Random(1)
    for _ in range(20_000):
        key = f"{rng.randrange(60)}"
        if cache.get(key) is None or rng.random() < 0.2:
            cache.insert(Line(key, size=rng.randrange(1, 20)))
        if rng.random() < 0.3:
            cache.pop(f"{rng.randrange(60)}")
        places = [*cache._small, *cache._main]
        assert len(places) == len(set(places))
        assert set(places) == {*cache, *cache._vacant}


def test_a_large_memory_has_many_tables() -> None:
    cache: S3Fifo[Line] = S3Fifo(16 << 20)
    for number in range(3_000):
        assert cache.insert(Line(f"{number}", size=1_000))
    assert len(cache) == 3_000
    assert sorted(cache) == sorted(f"{number}" for number in range(3_000))
    assert max(map(len, cache._tables)) < 600
    for number in range(0, 3_000, 2):
        assert cache.pop(f"{number}") is not None
    assert [cache.get(f"{number}") is None for number in range(4)] == [True, False, True, False]
    cache.clear()
    assert list(cache) == []


def test_what_is_remembered_of_what_went_is_bounded() -> None:
    cache: S3Fifo[Line] = S3Fifo(1_000)
    for number in Random(1).choices(range(5_000), k=20_000):
        if cache.get(f"{number}") is None:
            cache.insert(Line(f"{number}"))
    assert len(cache) == 100
    assert len(cache._gone) <= 2 * REMEMBERED * 101


@example(
    [("insert", 1, 1), ("insert", 2, 60), ("insert", 3, 60), ("insert", 4, 60), ("insert", 1, 60)]
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["get", "insert", "insert", "pop", "clear"]),
            st.integers(0, 20),
            st.integers(1, 60),
        ),
        max_size=300,
    )
)
def test_it_is_a_mapping_that_never_outgrows_its_bound(steps: list[tuple[str, int, int]]) -> None:
    living: list[str] = []
    cache: S3Fifo[Line] = S3Fifo(200)
    last: dict[str, Line] = {}
    for step, (what, number, size) in enumerate(steps):
        key = str(number)
        if what == "insert":
            value = Line(key, f"{step}", size, living.remove)
            living.append(value.text)
            replaces = cache.look(key) is not None
            # What replaces something smaller may have to make room by its own turn.
            if cache.insert(value):
                last[key] = value
            else:
                assert replaces
                last.pop(key)
        elif what == "pop":
            cache.pop(key)
            last.pop(key, None)
        elif what == "clear":
            cache.clear()
            last.clear()
        else:
            found = cache.get(key)
            assert found is None or found is last[key]
        here = {key: cache.look(key) for key in last if cache.look(key) is not None}
        assert len(here) == len(cache) == len(living)
        assert cache.bytes == sum(last[key].size for key in here) <= 200


def test_threads_leave_it_whole() -> None:
    cache: S3Fifo[Line] = S3Fifo(500)

    def work(seed: int) -> None:
        rng = Random(seed)
        for _ in range(3_000):
            key = f"{rng.randrange(100)}"
            if cache.get(key) is None:
                cache.insert(Line(key, size=rng.randrange(1, 20)))
            if rng.random() < 0.1:
                cache.pop(key)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.bytes <= 500
    cache.clear()
    assert cache.bytes == 0
