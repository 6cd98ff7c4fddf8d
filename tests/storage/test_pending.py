"""What waits to be written: the last of each key, in order, and one of a key at a time."""

from __future__ import annotations

import asyncio

import pytest

from storage.pending import Pending, PendingWrites
from tests.storage.entries import make_entry


def add(writes: PendingWrites, key: str, version: int = 0, *, noted: bool = True) -> Pending:
    return writes.add(make_entry(key, b'"total":%d' % version), 0.0, noted=noted)


def keys(taken: list[Pending]) -> list[str]:
    return [each.entry.key for each in taken]


def test_keys_are_taken_in_the_order_in_which_they_came() -> None:
    writes = PendingWrites()
    for key in "cab":
        add(writes, key)
    assert keys(writes.take(2)) == ["c", "a"]
    assert (len(writes), writes.out) == (1, 2)
    assert keys(writes.take(2)) == ["b"]


def test_of_a_key_that_waits_the_last_stands_where_the_first_did() -> None:
    writes = PendingWrites()
    first = add(writes, "a", 1)
    add(writes, "b")
    assert add(writes, "a", 2, noted=False) is first
    assert first.noted
    assert [each.entry for each in writes.take(2)] == [
        make_entry("a", b'"total":2'),
        make_entry("b", b'"total":0'),
    ]


def test_what_comes_while_its_key_is_out_waits_until_that_is_back() -> None:
    writes = PendingWrites()
    add(writes, "a", 1)
    out = writes.take(2)
    add(writes, "a", 2)
    add(writes, "b")
    newest = writes.get("a")
    assert newest is not None
    assert newest.entry == make_entry("a", b'"total":2')
    assert keys(writes.take(2)) == ["b"]
    assert writes.take(2) == []
    writes.back(out)
    assert keys(writes.take(2)) == ["a"]


def test_what_failed_goes_before_what_came_behind_it() -> None:
    writes = PendingWrites()
    add(writes, "a")
    out = writes.take(1)
    add(writes, "b")
    writes.back(out)
    writes.again(out)
    assert keys(writes.take(2)) == ["a", "b"]


async def test_who_waits_is_told_once_it_is_written_or_not_and_so_is_who_asks_later() -> None:
    written, failed = (add(PendingWrites(), "a") for _ in range(2))
    waiting = [asyncio.create_task(each.ended()) for each in (written, failed)]
    await asyncio.sleep(0)
    written.end(None)
    failed.end(ValueError("no"))
    await waiting[0]
    await written.ended()
    for asked in (waiting[1], failed.ended()):
        with pytest.raises(ValueError, match="no"):
            await asked


async def test_who_waits_no_more_hinders_nobody() -> None:
    pending = add(PendingWrites(), "a")
    leaving, staying = (asyncio.create_task(pending.ended()) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    pending.end(None)
    await staying
