from gateway.web.recent import Recent


def weighed(most: int) -> Recent[str, int]:
    return Recent(most, len)


def test_what_was_used_lately_stays_and_what_was_not_goes() -> None:
    recent = weighed(8)
    for number in range(100):
        recent.insert(f"{number:02d}", number)
        assert recent.recall("00") == 0
        assert recent.weight <= 8
    assert recent.recall("50") is None
    assert recent.recall("99") == 99


def test_the_weight_is_that_of_what_is_kept() -> None:
    recent = weighed(10)
    for key in ("a", "bb", "ccc", "a", "dd"):
        recent.insert(key, 1)
    recent.pop("bb")
    recent.pop("never")
    kept = [key for key in ("a", "bb", "ccc", "dd") if recent.recall(key) is not None]
    assert recent.weight == sum(map(len, kept))
    assert sum(recent.values()) == len(kept)
    assert "bb" not in kept


def test_what_has_no_room_is_not_kept_and_its_predecessor_neither() -> None:
    recent = weighed(4)
    assert not recent.insert("long", 1)
    assert recent.insert("ab", 2)
    assert not weighed(0).insert("a", 1)
    assert (recent.weight, list(recent.values())) == (2, [2])
