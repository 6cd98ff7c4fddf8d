from __future__ import annotations

import asyncio

from adapters.commitment import Commitment, commit, context_of


async def run_in(commitment: Commitment, *, costs: bool = True) -> None:
    async def work() -> None:
        if costs:
            commit()

    await asyncio.create_task(work(), context=context_of(commitment))


async def test_work_is_committed_by_a_call_however_deep_in_it() -> None:
    cheap, dear = Commitment(), Commitment()
    await run_in(cheap, costs=False)
    await run_in(dear)
    assert (cheap.made, dear.made) == (False, True)


async def test_work_that_depends_on_other_work_is_committed_with_it() -> None:
    inner, before, after = Commitment(), Commitment(), Commitment()
    context_of(before).run(inner.bind_current)
    await run_in(inner)
    context_of(after).run(inner.bind_current)
    assert (before.made, after.made) == (True, True)


async def test_work_that_depends_on_what_costs_nothing_is_not_committed() -> None:
    inner, outer = Commitment(), Commitment()
    context_of(outer).run(inner.bind_current)
    await run_in(inner, costs=False)
    assert not outer.made


def test_without_an_owner_nobody_hears() -> None:
    commit()
    Commitment().bind_current()
