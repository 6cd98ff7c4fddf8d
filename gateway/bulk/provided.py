"""Summaries of batches, written through the model provider's own batch endpoint: later, cheaper.

Lookups whose records are there wait in stages: ``fetched``, then ``sent:…`` until the provider is
done with what they are part of. What was sent is kept before it goes out, with a mark that the
provider keeps too: a process that dies meanwhile loses nothing, and nothing is sent twice. The
gate, the ledger and the store of summaries are those of everyone. What the provider failed, did not
do in time, or the gate refused is asked for by single calls.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from adapters.errors import SummaryError
from adapters.llm.answered import Gathering
from adapters.llm.batches import Line, Result
from gateway.bulk.answers import Answers
from gateway.bulk.later import DAY, FETCHED
from gateway.events import BatchSubmitted, Events
from gateway.route import Route
from gateway.spend.budgets import Reserved
from gateway.spend.prices import model_of
from gateway.wanted import Wanted, read_wanted
from gateway.writers import Post
from storage.batches import EVERY, Batch, BatchStore, Item
from storage.provider_batches import ProviderBatch, ProviderBatchStore

AT_ONCE = 2_000
"""Lookups of one batch at the provider."""
UNCERTAIN = frozenset({"timeout", "unavailable", "malformed"})
"""Faults of a submission after which the batch may have been taken."""
_GONE = frozenset({"unknown_model", "rejected"})
"""Faults of asking for a batch that there is none, or that nothing of it was done."""
UNSURE = 300.0
"""Seconds after which a batch that the provider does not list was not taken."""


@dataclass(frozen=True, slots=True)
class Shelves:
    """Where it stands how far everything is."""

    items: BatchStore
    sent: ProviderBatchStore


class Provided:
    """Has the summaries of patient batches written by *post*; *poll* is in seconds."""

    def __init__(
        self,
        post: Post,
        shelves: Shelves,
        answers: Answers,
        *,
        events: Events,
        clock: Callable[[], float],
        poll: float,
    ) -> None:
        self._post = post
        self._items = shelves.items
        self._sent = shelves.sent
        self._answers = answers
        self._events = events
        self._clock = clock
        self._poll = poll
        self._reserved: dict[str, Reserved] = {}

    def takes(self, batch: Batch, route: Route, wanted: Wanted) -> bool:
        """Say whether a model writes it, and whoever asked is patient enough."""
        by = "" if route.summarizer is None else model_of(route.summarizer.name)
        return wanted.summary and batch.patience >= DAY and bool(by)

    async def step(self, batch: Batch, numbers: range = EVERY) -> None:
        """Look what has come, and send what is to be sent; raise `TierError`."""
        if batch.patience < DAY:
            return
        for sent in await self._sent.of(batch.id, numbers.start):
            await self._look(batch, sent, numbers)
        while await self._send(batch, numbers):
            pass

    async def clear(self) -> None:
        """End what was sent for batches that were cancelled, and tell what it cost."""
        for sent in await self._sent.left():
            self._release(sent.id)
            results = await self._ended(sent)
            if results is not None and await self._sent.remove(sent.id):
                self._answers.waste(sent, results)

    async def close(self) -> None:
        """Let what is being written land; what was sent goes on, and is asked for later."""
        await self._answers.close()

    async def _send(self, batch: Batch, numbers: range) -> bool:
        """Send the summaries of some lookups; False where none is left."""
        now = self._clock()
        items = await self._items.due(batch.id, now, AT_ONCE, numbers, stage=FETCHED)
        if not items:
            return False
        gathering, reserved = Gathering(self._post.batches.model), self._answers.reserve()
        gathered = await self._answers.gather(batch, items, gathering, reserved)
        if not gathering.lines:
            reserved.release()
            await self._answers.finish(batch, gathered, {})
            return True
        sent = ProviderBatch(
            id=secrets.token_urlsafe(12),
            batch=batch.id,
            part=numbers.start,
            tenant=batch.tenant,
            source=read_wanted(gathered[0].asked).source,
            name="",
            items=len(gathered),
            created=now,
        )
        numbered = [item.number for item in gathered]
        if not await self._sent.add(sent, numbered, FETCHED, now + self._poll):
            reserved.release()
            return False
        self._reserved[sent.id] = reserved
        await self._submit(batch, sent, list(gathering.lines.values()), numbers)
        return True

    async def _submit(
        self, batch: Batch, sent: ProviderBatch, lines: Sequence[Line], numbers: range
    ) -> None:
        try:
            name = await self._post.batches.submit(lines, sent.id)
        except SummaryError as error:
            if error.reason == "rate_limited" and not self._late(batch):
                await self._again(sent, numbers, self._clock() + self._poll)
            elif error.reason not in UNCERTAIN:
                await self._finish(batch, sent, {}, numbers)
            return  # whether it was taken is asked when it is looked for
        await self._sent.name(sent.id, name)
        self._events.emit(BatchSubmitted(self._post.batches.model, name, len(lines)))

    async def _look(self, batch: Batch, sent: ProviderBatch, numbers: range) -> None:
        now = self._clock()
        try:
            name = sent.name or await self._found(sent)
            if not name:
                if now - sent.created > UNSURE:
                    await self._again(sent, numbers, now)
                else:
                    await self._sent.put_off(sent, now + self._poll)
                return
            results = await self._post.batches.look(name)
            if results is None and self._late(batch):
                await self._post.batches.cancel(name)  # what is done of it is read at its end
        except SummaryError as error:
            results = {} if error.reason in _GONE or self._late(batch) else None
        if results is None:
            await self._sent.put_off(sent, now + self._poll)
        else:
            await self._finish(batch, sent, results, numbers)

    async def _finish(
        self, batch: Batch, sent: ProviderBatch, results: Mapping[str, Result], numbers: range
    ) -> None:
        """Give the lookups that wait for *sent* what it brought, and forget it."""
        self._release(sent.id)
        # Where some had their answers before a restart, what is left may have been theirs.
        first = await self._sent.begin(sent.id)
        items = await self._waiting(sent, numbers)
        left = await self._answers.finish(batch, items, results)
        if await self._sent.remove(sent.id) and first:
            self._answers.waste(sent, left)

    async def _again(self, sent: ProviderBatch, numbers: range, due: float) -> None:
        """Have sent anew what was never taken."""
        items = await self._waiting(sent, numbers)
        await self._items.move(sent.batch, [item.number for item in items], FETCHED, due)
        await self._sent.remove(sent.id)
        self._release(sent.id)

    async def _waiting(self, sent: ProviderBatch, numbers: range) -> list[Item]:
        forever = float("inf")
        return await self._items.due(sent.batch, forever, AT_ONCE, numbers, stage=sent.stage)

    async def _found(self, sent: ProviderBatch) -> str | None:
        """Return the provider's name for *sent*, if it was taken; raise `SummaryError`."""
        name = await self._post.batches.find(sent.id)
        if name:
            await self._sent.name(sent.id, name)
        return name

    async def _ended(self, sent: ProviderBatch) -> Mapping[str, Result] | None:
        """Return what *sent* brought, once it has ended; have it ended before its time."""
        try:
            name = sent.name or await self._found(sent)
            if not name:
                return {} if self._clock() - sent.created > UNSURE else None
            results = await self._post.batches.look(name)
            if results is None:
                await self._post.batches.cancel(name)
        except SummaryError as error:
            return {} if error.reason in _GONE else None
        return results

    def _late(self, batch: Batch) -> bool:
        """Say whether whoever asked waits no more."""
        return self._clock() > batch.created + batch.patience

    def _release(self, name: str) -> None:
        reserved = self._reserved.pop(name, None)
        if reserved is not None:
            reserved.release()
