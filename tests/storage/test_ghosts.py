from __future__ import annotations

from random import Random

import pytest

from storage.ghosts import Ghosts


def test_what_was_added_lately_is_known_and_what_came_long_before_is_not() -> None:
    ghosts = Ghosts()
    for number in range(30_000):
        ghosts.add(f"{number}", 10_000)
    assert 10_000 <= len(ghosts) <= 15_000
    known = [number for number in range(30_000) if ghosts.discard(f"{number}")]
    assert len(known) == len(ghosts)
    # Buckets are not equally full: the oldest differ a little in age.
    assert sum(number < 15_000 for number in known) < 100
    assert sum(number >= 25_000 for number in known) == 5_000


def test_few_keys_go_in_the_order_in_which_they_came() -> None:
    ghosts = Ghosts()
    for number in range(40):
        ghosts.add(f"{number}", 5)
    assert [number for number in range(40) if ghosts.discard(f"{number}")] == list(range(8, 40))


def test_a_key_is_forgotten_once_it_was_asked_for() -> None:
    ghosts = Ghosts()
    assert not ghosts.discard("a")
    for key in "abc":
        ghosts.add(key, 5)
    assert ghosts.discard("b")
    assert not ghosts.discard("b")
    assert ghosts.discard("a")
    assert ghosts.discard("c")


@pytest.mark.parametrize("turns", range(0, 64, 7))
def test_room_that_a_forgotten_key_leaves_is_used_before_another_is_forgotten(turns: int) -> None:
    """Of 32 keys, in a ring that begins anywhere."""
    ghosts = Ghosts()
    for number in range(turns + 32):
        ghosts.add(f"{number}", 5)
    left = [*range(turns, turns + 32)]
    for gone in (turns + 20, turns + 3, turns + 31, turns + 7):
        assert ghosts.discard(f"{gone}")
        left.remove(gone)
    for number in range(turns + 32, turns + 37):
        ghosts.add(f"{number}", 5)
    left += range(turns + 32, turns + 37)
    # One more than went: the oldest is the first to be forgotten.
    assert [each for each in range(turns + 40) if ghosts.discard(f"{each}")] == left[1:]


def test_what_is_known_stays_known_when_room_is_made_for_more() -> None:
    ghosts, keys = Ghosts(), [f"{number}" for number in range(1_000)]
    for number, key in enumerate(keys):
        ghosts.add(key, 3_000 + number * 50)
    assert len(ghosts) > 30_000
    Random(1).shuffle(keys)
    assert all(ghosts.discard(key) for key in keys)
    assert not any(ghosts.discard(key) for key in keys)


def test_keys_that_never_came_are_not_known() -> None:
    ghosts = Ghosts()
    for number in range(20_000):
        ghosts.add(f"{number}", 20_000)
    assert sum(ghosts.discard(f"other {number}") for number in range(5_000)) <= 1
