"""Models in order: the next one answers when one is down, limited, refuses, or is too slow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from adapters.errors import SummaryError
from adapters.llm.chat import Chat, Completion, Delta, Message
from adapters.llm.lost_calls import lose
from adapters.llm.model import Model, tokens_of

_OURS = frozenset({"truncated"})
"""Reasons that another model would meet as well: the answer that was asked for is too long."""
PATIENCE = 2.0
"""Seconds that are waited for a rate limit when no other model can be asked."""


class ModelChain(Chat):
    """Asks *models* in their order; *model* is the first one's name.

    *hedge_after* seconds without an answer, the next one is asked as well, and the first
    answer is taken; 0: it is not.
    """

    def __init__(
        self, models: Sequence[Model], hedge_after: float = 0.0, patience: float = PATIENCE
    ) -> None:
        self.model = models[0].model
        self._models = tuple(models)
        self._hedge_after = hedge_after
        self._patience = patience

    async def complete(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None = None
    ) -> Completion:
        """Return the first whole answer; raise the last `SummaryError` when there is none."""
        waiting = await self._ready(messages)
        asked: set[asyncio.Task[Completion]] = set()
        due = True
        try:
            while True:
                if waiting and (due or not asked):
                    call = waiting.pop(0).complete(messages, schema)
                    asked.add(asyncio.create_task(call))
                hedge = self._hedge_after if waiting and self._hedge_after else None
                done, asked = await asyncio.wait(
                    asked, timeout=hedge, return_when=asyncio.FIRST_COMPLETED
                )
                due = not done
                answer = _answer(done, last=not (asked or waiting))
                if answer is not None:
                    return answer
        finally:
            for late in asked:
                late.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    async def stream(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Delta]:
        """Yield the answer of the first model that begins one; nobody continues another's."""
        waiting = await self._ready(messages)
        for number, model in enumerate(waiting, start=1):
            begun = False
            try:
                async for delta in model.stream(messages, schema):
                    begun = True
                    yield delta
            except SummaryError as error:
                if begun or error.reason in _OURS or number == len(waiting):
                    raise
            else:
                return

    async def close(self) -> None:
        """Close every model's connections."""
        for model in self._models:
            await model.close()

    async def _ready(self, messages: Sequence[Message]) -> list[Model]:
        """Return the models that may be asked now, in order; wait a little when none may.

        Raise `SummaryError` when that would take too long.
        """
        tokens = tokens_of(messages)
        closed = [model for model in self._models if not model.resting]
        if not closed:
            rest = min(model.resting for model in self._models)
            raise SummaryError("circuit_open", "The model rests after failures", retry_after=rest)
        waits = {model: model.limited(tokens) for model in closed}
        ready = [model for model in closed if not waits[model]]
        if ready:
            return ready
        soonest = min(closed, key=lambda model: waits[model])
        if waits[soonest] > self._patience:
            raise SummaryError(
                "rate_limited", "The model's rate limit is reached", retry_after=waits[soonest]
            )
        await asyncio.sleep(waits[soonest])
        return [soonest]


def _answer(done: set[asyncio.Task[Completion]], *, last: bool) -> Completion | None:
    """Return what one of *done* brought; raise its error when it is the *last* or ours."""
    fault: SummaryError | None = None
    answers: list[Completion] = []
    for task in done:
        try:
            answers.append(task.result())
        except SummaryError as error:
            fault = error
    for outrun in answers[1:]:
        fault = SummaryError("outrun", "Another model answered first", usage=outrun.usage)
        lose(outrun.model, fault)
    if answers:
        return answers[0]
    if fault is not None and (last or fault.reason in _OURS):
        raise fault
    return None
