"""Who writes a source's summaries: beside `gateway.parts`, all that knows concrete summarizers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from adapters.breaker import Breaker
from adapters.llm.batched import BatchRun
from adapters.llm.batches import Batches as ProviderBatches
from adapters.llm.chat import Chat
from adapters.llm.opening import open_batched, open_chain
from adapters.sources.spec import SpecError
from adapters.summarizers.base import Summarizer
from adapters.summarizers.extractive import Extractive
from adapters.summarizers.openai import OpenAISummarizer
from gateway.config import LlmSection, SourceSection
from gateway.events import BatchSubmitted, Events


@dataclass(frozen=True, slots=True)
class Post:
    """A model's batch endpoint, and who is asked for what it leaves."""

    batches: ProviderBatches
    live: Chat


class Writers:
    """Shares one model, opened when the first source asks for it, between all sources.

    With *batch* it is asked by batches. *breaker* makes a circuit for a model.
    """

    def __init__(
        self,
        llm: LlmSection,
        stack: AsyncExitStack,
        *,
        breaker: Callable[[str], Breaker],
        events: Events,
        batch: BatchRun | None,
    ) -> None:
        self._llm = llm
        self._stack = stack
        self._breaker = breaker
        self._events = events
        self._batch = batch
        self._extractive = Extractive()
        self._model: Summarizer | None = None
        self.post: Post | None = None
        """None where no source has a model, or the configuration names no batch endpoint."""

    def of(self, section: SourceSection) -> Summarizer | None:
        """Return who writes for the source of *section*, None where nobody does.

        Raise `SpecError` where its terms forbid what it asks for.
        """
        by = section.summary.by
        if by == "none":
            return None
        allowed = section.all_terms.llm_summary_allowed
        if by == "openai" and not allowed:
            raise SpecError("summary.by", "the source's terms forbid a model's summary")
        if by == "openai" or (by == "auto" and self._llm.usable and allowed):
            if self._model is None:
                self._model = self._open()
            return self._model
        return self._extractive

    def _open(self) -> Summarizer:
        chat = self._chain() if self._batch is None else self._batched(self._batch)
        self._stack.push_async_callback(chat.close)
        if self._llm.batch and self._batch is None:
            self.post = Post(ProviderBatches(self._llm.chain[0]), chat)
            self._stack.push_async_callback(self.post.batches.close)
        return OpenAISummarizer(chat)

    def _chain(self) -> Chat:
        return open_chain(self._llm.chain, self._llm.hedge_after, self._breaker)

    def _batched(self, run: BatchRun) -> Chat:
        first = self._llm.chain[0]

        def told(batch: str, count: int) -> None:
            self._events.emit(BatchSubmitted(first.model, batch, count))

        return open_batched(first, run, told)
