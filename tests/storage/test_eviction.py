from __future__ import annotations

import threading
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from storage.eviction import REMEMBERED, S3Fifo


def kept(cache: S3Fifo[str], keys: str) -> str:
    return "".join(key for key in keys if cache.look(key) is not None)


def filled(keys: str, size: int = 10, room: int = 10) -> S3Fifo[str]:
    cache: S3Fifo[str] = S3Fifo(size * room)
    for key in keys:
        cache.insert(key, key, size)
    return cache


def test_what_was_asked_for_stays_when_others_come() -> None:
    cache = filled("abcdefghij")
    for key in "aajj":
        cache.get(key)
    for number in range(100):
        cache.insert(f"once {number}", "", 10)
    assert {"a", "j"} <= set(kept(cache, "abcdefghij"))


def test_a_scan_pushes_out_only_what_is_new() -> None:
    cache = filled("abcdefghij")
    for number in range(1_000):
        cache.insert(f"once {number}", "", 10)
    assert len(kept(cache, "abcdefghij")) == 9


def test_what_comes_back_soon_stays_among_the_old() -> None:
    cache = filled("abcdefghij")
    cache.insert("new", "new", 10)
    for number in range(5):
        cache.insert(f"once {number}", "", 10)
    assert cache.look("new") is None
    cache.insert("new", "new", 10)
    for number in range(5, 10):
        cache.insert(f"once {number}", "", 10)
    assert cache.look("new") == "new"


def test_what_is_asked_no_more_gives_way_in_the_end() -> None:
    cache = filled("abcdefghij")
    for key in "abcdefghij" * 5:
        cache.get(key)
    for turn in range(200):
        for key in "klmnopqrst":
            if cache.get(key) is None:
                cache.insert(key, f"{turn}", 10)
    assert kept(cache, "abcdefghij") == ""


def test_reads_that_use_nothing_keep_nothing() -> None:
    cache = filled("a", room=1)
    for _ in range(9):
        assert cache.look("a") == "a"
    assert cache.look("b") is None
    cache.insert("b", "b", 10)
    assert (cache.get("a"), cache.get("b")) == (None, "b")


def test_what_is_replaced_keeps_its_standing_and_its_place() -> None:
    cache = filled("abcdefghij")
    for _ in range(3):
        cache.get("b")
    assert cache.insert("b", "B", 12)
    assert cache.get("b") == "B"
    assert cache.bytes <= 100


def test_what_is_too_large_is_not_kept_and_its_predecessor_is_not_either() -> None:
    cache = filled("ab")
    assert not cache.insert("a", "A", 101)
    assert not cache.insert("c", "C", 101)
    assert kept(cache, "abc") == "b"
    assert list(cache) == ["b"]
    nothing: S3Fifo[str] = S3Fifo(0)
    assert not nothing.insert("a", "a", 1)


def test_each_value_is_told_of_once_when_it_ends() -> None:
    told: list[str] = []
    cache: S3Fifo[str] = S3Fifo(30, told.append)
    for key in "abc":
        cache.insert(key, key, 10)
    cache.insert("a", "A", 10)
    assert told == ["a"]
    assert cache.pop("b") == "b"
    assert cache.pop("b") is None
    assert told == ["a", "b"]
    cache.insert("d", "d", 20)
    cache.clear()
    assert sorted(told) == ["A", "a", "b", "c", "d"]
    assert (len(cache), cache.bytes) == (0, 0)


def test_removed_entries_leave_no_places_behind() -> None:
    cache: S3Fifo[str] = S3Fifo(1_000_000)
    for number in range(50_000):
        cache.insert("same", f"{number}", 10)
        cache.pop("same")
    assert len(cache._small) + len(cache._main) <= 1_001


def test_what_is_remembered_of_what_went_is_bounded() -> None:
    cache: S3Fifo[str] = S3Fifo(1_000)
    for number in Random(1).choices(range(5_000), k=20_000):
        if cache.get(f"{number}") is None:
            cache.insert(f"{number}", "", 10)
    assert len(cache) == 100
    assert len(cache._gone) <= REMEMBERED * 101
    assert len(cache._ghosts) <= 2 * REMEMBERED * 101


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
    living: list[object] = []
    cache: S3Fifo[object] = S3Fifo(200, living.remove)
    last: dict[str, tuple[object, int]] = {}
    for what, number, size in steps:
        key = str(number)
        if what == "insert":
            value = object()
            living.append(value)
            assert cache.insert(key, value, size)
            last[key] = (value, size)
        elif what == "pop":
            cache.pop(key)
            last.pop(key, None)
        elif what == "clear":
            cache.clear()
            last.clear()
        else:
            found = cache.get(key)
            assert found is None or found is last[key][0]
        here = {key: cache.look(key) for key in last if cache.look(key) is not None}
        assert len(here) == len(cache) == len(living)
        assert cache.bytes == sum(last[key][1] for key in here) <= 200


def test_threads_leave_it_whole() -> None:
    cache: S3Fifo[int] = S3Fifo(500)

    def work(seed: int) -> None:
        rng = Random(seed)
        for _ in range(3_000):
            key = f"{rng.randrange(100)}"
            if cache.get(key) is None:
                cache.insert(key, 1, rng.randrange(1, 20))
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
