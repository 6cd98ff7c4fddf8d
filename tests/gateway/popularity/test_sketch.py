from __future__ import annotations

from collections import Counter
from itertools import accumulate
from random import Random

from gateway.lookup import Lookup
from gateway.popularity.sketch import Sketch


def asked(number: int) -> Lookup:
    return Lookup("medicine", f"name {number}")


def test_the_most_asked_of_a_long_tail_are_found_in_bounded_space() -> None:
    sketch, truth = Sketch(capacity=2_000), Counter[int]()
    keys, lookups = 20_000, [asked(number) for number in range(20_000)]
    weights = list(accumulate(1 / rank for rank in range(1, keys + 1)))
    for number in Random(1).choices(range(keys), cum_weights=weights, k=200_000):
        truth[number] += 1
        sketch.add("app", lookups[number], 1.0, 0.0)
        assert len(sketch) <= 2_000
    best = [lookups[number].key for number, _ in truth.most_common(100)]
    found = {slot.lookup.key: slot.score for slot in sketch.top(100)}
    assert len(set(best) & set(found)) >= 99
    exact = [found[lookups[n].key] == count for n, count in truth.most_common(50)]
    assert all(exact)


def test_what_a_lookup_may_have_missed_is_bounded_by_what_was_forgotten() -> None:
    sketch = Sketch(capacity=4)
    for number in range(4):
        for _ in range(number + 1):
            sketch.add("app", asked(number), 1.0, 5.0)
    sketch.add("app", asked(9), 1.0, 6.0)
    slots = {slot.lookup.text: slot for slot in sketch}
    assert sorted(slots) == ["name 3", "name 9"]
    assert (slots["name 3"].score, slots["name 3"].missed) == (4.0, 0.0)
    assert (slots["name 9"].score, slots["name 9"].missed) == (1.0, 3.0)


def test_later_lookups_that_weigh_more_push_earlier_ones_out() -> None:
    sketch = Sketch(capacity=10)
    for number in range(10):
        for _ in range(3):
            sketch.add("app", asked(number), 1.0, 0.0)
    for number in range(10, 14):
        for _ in range(3):
            sketch.add("app", asked(number), 4.0, 1.0)
    assert {slot.lookup.text for slot in sketch.top(4)} == {f"name {n}" for n in range(10, 14)}


def test_what_is_taken_is_taken_once_unless_it_is_given_back() -> None:
    sketch = Sketch()
    for tenant, count in (("app", 3), ("other", 2), ("third", 1)):
        sketch.add(tenant, asked(1), float(count), 0.0)
    taken = sketch.take(2)
    assert [(slot.tenant, weight) for slot, weight in taken] == [("app", 3.0), ("other", 2.0)]
    assert [slot.tenant for slot, _ in sketch.take(2)] == ["third"]
    assert sketch.take(2) == []
    sketch.add("app", asked(1), 1.0, 0.0)
    sketch.give_back(taken)
    assert [weight for _, weight in sketch.take(2)] == [4.0, 2.0]
