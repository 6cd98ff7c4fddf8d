"""What a withdrawal gives back, and what a find that is under way brings up no more."""

from __future__ import annotations

import asyncio

import pytest

from storage.memory import MemoryTier
from storage.tiers import Tiers
from storage.withdrawals import Scope
from tests.storage.entries import SharedTier, make_entry


def _tiers(*tiers: MemoryTier | SharedTier) -> Tiers:
    return Tiers(tiers, lambda *_: None)


def test_memory_is_given_back_for_what_is_withdrawn_by_its_key_and_where_nothing_is_known() -> None:
    memory = MemoryTier(100_000)
    tiers = _tiers(memory)
    for key in "abc":
        memory.keep(make_entry(key))
    tiers.forget(Scope("key", "public", value="a"))
    assert not memory.has("a")
    assert memory.entries == 2
    tiers.forget_memory()
    assert memory.entries == 0


@pytest.mark.parametrize("all_", [True, False])
async def test_what_was_withdrawn_during_a_find_is_not_brought_up(all_: bool) -> None:
    memory, shared = MemoryTier(100_000), SharedTier()
    tiers = _tiers(memory, shared)
    await shared.put(make_entry("a"))
    shared.gate.clear()
    find = asyncio.create_task(tiers.find("a"))
    await asyncio.sleep(0)
    if all_:
        tiers.forget_memory()
    else:
        tiers.forget(Scope("source", "public", "medicine"))
    shared.gate.set()
    await find
    assert not memory.has("a")
