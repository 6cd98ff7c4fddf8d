"""Where texts are embedded: no call without room in the budgets, and none that is not told."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from adapters.errors import SummaryError
from adapters.llm.embeddings import Embedding, Vector
from adapters.source import Priority
from adapters.summarizers.base import Usage
from gateway.events import Embedded, Events
from gateway.lookup import Lookup
from gateway.spend.budgets import Budgets
from gateway.spend.prices import NANOS, PriceSpec, price_of
from gateway.spend.till import UNCERTAIN

_BYTES_PER_TOKEN = 3
"""Rather too many, as for prompts: a token is about four bytes of English."""


class Embedder(Protocol):
    """Turns texts into vectors."""

    model: str

    async def embed(self, text: str) -> Embedding:
        """Return the vector of *text*; raise `SummaryError`."""


class PaidEmbedder:
    """Asks *embedder*, whose tokens cost *price* (None: unknown), and tells what it took.

    Each text counts as a call, however many go in one request: who pays is known of a text alone.
    """

    def __init__(
        self, embedder: Embedder, price: PriceSpec | None, budgets: Budgets, events: Events
    ) -> None:
        self.model = embedder.model
        self._embedder = embedder
        self._price = price
        self._budgets = budgets
        self._events = events

    async def embed(self, lookup: Lookup, priority: Priority, text: str) -> Vector:
        """Return the vector of *text*; raise `SummaryError`, ``budget`` without having asked."""
        started = time.perf_counter()

        def tell(tokens: int | None, reason: str = "") -> bool:
            return self._tell(lookup, time.perf_counter() - started, tokens, reason)

        guess = len(text.encode()) // _BYTES_PER_TOKEN + 1
        hold = self._budgets.hold(
            lookup.asker, lookup.source, priority, lambda: self._cost(guess) or 0
        )
        with hold as held:
            try:
                made = await self._embedder.embed(text)
            except SummaryError as error:
                if error.usage is not None or error.reason in UNCERTAIN:
                    tokens = None if error.usage is None else error.usage.prompt_tokens
                    held.unknown = not tell(tokens, error.reason)
                raise
            except asyncio.CancelledError:
                held.unknown = not tell(None, "cancelled")
                raise
            held.unknown = not tell(made.tokens)
            return made.vector

    def _tell(self, lookup: Lookup, seconds: float, tokens: int | None, reason: str) -> bool:
        """Tell of a call; return whether its cost is known."""
        nanos = self._cost(tokens)
        usd = None if nanos is None else nanos / NANOS
        model, tenant = self.model, lookup.asker
        self._events.emit(
            Embedded(lookup.source, lookup.key, model, seconds, tokens, usd, reason, tenant)
        )
        return usd is not None

    def _cost(self, tokens: int | None) -> int | None:
        return price_of(self._price, Usage(prompt_tokens=tokens, completion_tokens=0))
