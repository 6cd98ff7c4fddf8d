from __future__ import annotations

from bench.simulation import play, seeds_until_found


def test_seeds_are_played_and_counted() -> None:
    played = play(1000, 5)
    assert (played.seeds, played.faults) == (5, ())
    assert played.calls > 0
    assert played.outcomes.total() > 0


def test_it_says_how_many_seeds_a_broken_rule_takes() -> None:
    assert seeds_until_found("a waiter has no deadline") == 1
