"""A chat whose answers come by batches: who asks waits until the batch has ended, for hours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adapters.errors import SummaryError
from adapters.llm.batches import MAX_LINES, Batches, Line, Result, line_of, split
from adapters.llm.chat import Completion, Message, Whole

QUIET = 1.0
"""Seconds without another question after which those that wait go out as a batch."""


@dataclass(frozen=True, slots=True)
class BatchRun:
    """How the batches of one run go."""

    resume: tuple[str, ...] = ()
    """Names of batches that were submitted before and whose answers are still to be had."""
    poll: float = 30.0
    """Seconds between two looks at a batch."""
    quiet: float = QUIET


class BatchedChat(Whole):
    """Gathers what is asked at about the same time into one batch.

    *resume* names batches that were submitted before and whose answers are still to be had: what
    they answer is not asked again. *told* is told of each batch's name and number of lines.
    """

    def __init__(
        self,
        batches: Batches,
        *,
        resume: Sequence[str] = (),
        quiet: float = QUIET,
        told: Callable[[str, int], None] = lambda *_: None,
    ) -> None:
        self.model = batches.model
        self._batches = batches
        self._resume = tuple(resume)
        self._quiet = quiet
        self._told = told
        self._waiting: dict[str, tuple[Line, asyncio.Future[Result]]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._out: set[asyncio.Task[None]] = set()
        self._earlier: asyncio.Task[dict[str, Result]] | None = None

    async def complete(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None = None
    ) -> Completion:
        """Return the answer once its batch has ended; raise `SummaryError`."""
        line = line_of(self.model, messages, schema)
        result = (await self._answered()).get(line.id)
        if not isinstance(result, Completion):
            result = await asyncio.shield(self._asked(line))
        if isinstance(result, Completion):
            return replace(result, model=self.model)
        raise SummaryError(result.reason, result.message, usage=result.usage)

    async def close(self) -> None:
        """Stop waiting; batches that were submitted go on, and can be resumed."""
        if self._timer is not None:
            self._timer.cancel()
        tasks = [*self._out, *filter(None, [self._earlier])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._batches.close()

    async def _answered(self) -> dict[str, Result]:
        """Return what the batches that are resumed brought, once they have ended."""
        if self._earlier is None:
            self._earlier = asyncio.create_task(self._read_earlier())
        return await asyncio.shield(self._earlier)

    async def _read_earlier(self) -> dict[str, Result]:
        found: dict[str, Result] = {}
        for name in self._resume:
            found |= await self._batches.results(name)
        return found

    def _asked(self, line: Line) -> asyncio.Future[Result]:
        loop = asyncio.get_running_loop()
        if line.id not in self._waiting:
            self._waiting[line.id] = (line, loop.create_future())
        future = self._waiting[line.id][1]
        if self._timer is not None:
            self._timer.cancel()
        due = 0.0 if len(self._waiting) >= MAX_LINES else self._quiet
        self._timer = loop.call_later(due, self._submit)
        return future

    def _submit(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for lines in split([line for line, _ in waiting.values()]):
            futures = {line.id: waiting[line.id][1] for line in lines}
            task = asyncio.create_task(self._run(lines, futures))
            self._out.add(task)
            task.add_done_callback(self._out.discard)

    async def _run(
        self, lines: Sequence[Line], futures: Mapping[str, asyncio.Future[Result]]
    ) -> None:
        lost = SummaryError("unavailable", "The batch ended without an answer")
        results: Mapping[str, Result] = {}
        try:
            name = await self._batches.submit(lines)
            self._told(name, len(lines))
            results = await self._batches.results(name)
        except SummaryError as error:
            lost = error
        for line, future in futures.items():
            if not future.done():
                future.set_result(results.get(line, lost))
