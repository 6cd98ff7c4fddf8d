import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from storage.batching import Batcher


class _Server:
    """Doubles numbers; each batch stays out until `answer` is called."""

    def __init__(self, limit: int = 100, **options: Any) -> None:
        self.batches: list[list[int]] = []
        self.out: list[asyncio.Future[Sequence[int]]] = []
        self.batcher: Batcher[int, int] = Batcher(self._serve, limit, **options)

    def _serve(self, numbers: list[int]) -> asyncio.Future[Sequence[int]]:
        self.batches.append(numbers)
        self.out.append(asyncio.get_running_loop().create_future())
        return self.out[-1]

    def answer(self, place: int = -1) -> None:
        self.out[place].set_result([2 * number for number in self.batches[place]])


async def test_requests_of_one_tick_are_one_batch() -> None:
    server = _Server()
    futures = [server.batcher.submit(number) for number in range(3)]
    await asyncio.sleep(0)
    server.answer()
    assert await asyncio.gather(*futures) == [0, 2, 4]
    assert server.batches == [[0, 1, 2]]


async def test_what_comes_while_a_batch_is_out_is_the_next_batch() -> None:
    server = _Server()
    first = server.batcher.submit(1)
    await asyncio.sleep(0)
    later = [server.batcher.submit(2), server.batcher.submit(3)]
    await asyncio.sleep(0)
    assert server.batches == [[1]]
    server.answer()
    assert await first == 2
    server.answer()
    assert await asyncio.gather(*later) == [4, 6]
    assert server.batches == [[1], [2, 3]]


async def test_a_batch_is_never_larger_than_its_limit() -> None:
    server = _Server(limit=2)
    futures = [server.batcher.submit(number) for number in range(5)]
    for _ in range(3):
        await asyncio.sleep(0)
        server.answer()
        await asyncio.sleep(0)
    assert await asyncio.gather(*futures) == [0, 2, 4, 6, 8]
    assert [len(batch) for batch in server.batches] == [2, 2, 1]


async def test_an_error_is_that_of_each_request_and_the_next_batch_goes_on() -> None:
    server = _Server()
    futures = [server.batcher.submit(1), server.batcher.submit(2)]
    await asyncio.sleep(0)
    server.out[-1].set_exception(ValueError("no"))
    for future in futures:
        with pytest.raises(ValueError, match="no"):
            await future
    again = server.batcher.submit(3)
    await asyncio.sleep(0)
    server.answer()
    assert await again == 6


async def test_settled_waits_for_all_that_was_asked() -> None:
    server = _Server(limit=1)
    futures = [server.batcher.submit(1), server.batcher.submit(2)]
    settled = asyncio.create_task(server.batcher.settled())
    await asyncio.sleep(0)
    server.answer()
    assert await futures[0] == 2
    assert not settled.done()
    server.answer()
    await settled
    assert futures[1].result() == 4


async def test_a_batcher_without_requests_is_settled() -> None:
    await _Server().batcher.settled()


async def test_who_waits_behind_a_failure_fails_with_it_if_so_wished() -> None:
    loop = asyncio.get_running_loop()
    served: list[asyncio.Future[Sequence[int]]] = []

    def serve(requests: list[int]) -> asyncio.Future[Sequence[int]]:
        served.append(loop.create_future())
        return served[-1]

    batcher: Batcher[int, int] = Batcher(serve, 10, fail_all=True)
    first = batcher.submit(1)
    await asyncio.sleep(0)
    behind = batcher.submit(2)
    served[0].set_exception(OSError("gone"))
    for future in (first, behind):
        with pytest.raises(OSError, match="gone"):
            await future
    later = batcher.submit(3)
    await asyncio.sleep(0)
    served[1].set_result([3])
    assert await later == 3
    await batcher.settled()


async def test_where_enough_have_come_they_wait_neither_for_the_tick_nor_for_the_batch_before() -> (
    None
):
    server = _Server(most=2, enough=3)
    futures = [server.batcher.submit(number) for number in range(8)]
    assert server.batches == [[0, 1, 2], [3, 4, 5]]
    await asyncio.sleep(0)
    assert len(server.batches) == 2  # no more than two are out
    server.answer(0)
    await asyncio.wait(futures[:3])
    assert len(server.batches) == 2  # and those that are left are too few to be the second
    futures.append(server.batcher.submit(8))
    assert server.batches[2:] == [[6, 7, 8]]
    server.answer(1)
    server.answer(2)
    assert await asyncio.gather(*futures) == [2 * number for number in range(9)]
    await server.batcher.settled()


async def test_too_few_wait_for_the_batch_that_is_out() -> None:
    server = _Server(most=2, enough=3)
    first = server.batcher.submit(1)
    await asyncio.sleep(0)
    later = [server.batcher.submit(2), server.batcher.submit(3)]
    await asyncio.sleep(0)
    assert server.batches == [[1]]
    server.answer()
    await first
    assert server.batches == [[1], [2, 3]]
    server.answer()
    assert await asyncio.gather(*later) == [4, 6]


async def test_all_that_are_out_fail_with_the_first_if_so_wished() -> None:
    server = _Server(most=2, enough=2, fail_all=True)
    futures = [server.batcher.submit(number) for number in range(5)]
    server.out[1].set_exception(OSError("gone"))
    for future in futures:
        with pytest.raises(OSError, match="gone"):
            await future
    server.answer(0)  # what comes too late is nobody's
    await server.batcher.settled()
    again = server.batcher.submit(9)
    await asyncio.sleep(0)
    server.answer()
    assert await again == 18
