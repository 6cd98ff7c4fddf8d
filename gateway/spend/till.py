"""Where models are asked: no call without room in the budgets, and none that is not told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import orjson

from adapters.errors import SummaryError
from adapters.llm.lost_calls import LostCall, lost_calls
from adapters.summarizers.base import Brief, Draft, Summarizer, Usage
from gateway.events import Events, SummaryWasted
from gateway.lookup import Lookup
from gateway.spend.budgets import Hold, Holds
from gateway.spend.prices import PriceSpec, bill_of, dearest, model_of, price_of
from storage.entry import Bill

UNCERTAIN = frozenset({"timeout", "truncated", "malformed", "cancelled"})
"""Reasons after which a call may have been paid for, though nobody said what it took."""

_BYTES_PER_TOKEN = 3
"""A token is about four bytes of English, and one syllable of Korean is three: rather too many."""
_RECORD_BYTES = 72_000
"""A prompt holds 24,000 characters of records at most."""
_INSTRUCTION_TOKENS = 300
_ANSWER_TOKENS = 500
_TYPICAL_TOKENS = 2_000
"""Of a prompt with the records of one answer."""


class Till:
    """Asks models and says what it cost."""

    def __init__(self, prices: Mapping[str, PriceSpec], budgets: Holds, events: Events) -> None:
        self._prices = prices
        self._dearest = dearest(prices)
        self._budgets = budgets
        self._events = events

    async def draft(self, lookup: Lookup, summarizer: Summarizer, brief: Brief) -> Draft:
        """Return what *summarizer* wrote; its caller tells by `Summarized` or `wasted` of it.

        Raise `SummaryError`, ``budget`` without having asked; what it cost is told here.
        """
        if not model_of(summarizer.name):
            return await summarizer.summarize(brief)
        hold = self._budgets.hold(
            lookup.asker,
            lookup.source,
            brief.priority,
            lambda: self.estimate(summarizer.name, brief),
        )
        with hold as held, lost_calls() as lost:
            try:
                return await self._asked(summarizer, brief, held, lost)
            finally:
                known = [self._tell_lost(lookup, call) for call in lost]
                held.unknown = held.unknown or not all(known)

    async def _asked(
        self, summarizer: Summarizer, brief: Brief, held: Hold, lost: list[LostCall]
    ) -> Draft:
        """Return the draft; add a call whose loss nobody has told to *lost*."""
        model = model_of(summarizer.name)
        try:
            draft = await summarizer.summarize(brief)
        except SummaryError as error:
            if error not in [call.error for call in lost]:
                lost.append(LostCall(model, error))
            raise
        except asyncio.CancelledError:
            if not lost:
                lost.append(LostCall(model, None))
            raise
        bill = self.bill(draft)
        held.unknown = bill is not None and bill.usd is None
        return draft

    def bill(self, draft: Draft) -> Bill | None:
        """Return what *draft* took; None where no model was asked."""
        return bill_of(self._prices, draft.by, draft.usage)

    def wasted(self, lookup: Lookup, bill: Bill | None, reason: str) -> None:
        """Tell that what *bill* says was paid for nothing; without one, nothing was."""
        if bill is not None:
            self._events.emit(
                SummaryWasted(
                    lookup.source,
                    lookup.key,
                    bill.model,
                    reason,
                    bill.prompt_tokens,
                    bill.completion_tokens,
                    bill.cached_tokens,
                    bill.usd,
                    tenant=lookup.asker,
                )
            )

    def estimate(self, by: str, brief: Brief) -> int:
        """Return what a call may cost, in billionths of a dollar; rather too much than too little.

        A model without a price is taken to cost what the dearest does.
        """
        data = orjson.dumps(brief.records, default=str, option=orjson.OPT_NON_STR_KEYS)
        size = min(len(data), _RECORD_BYTES) + len(brief.prompt.encode())
        prompt = size // _BYTES_PER_TOKEN + _INSTRUCTION_TOKENS
        price = self._prices.get(model_of(by), self._dearest)
        usage = Usage(prompt_tokens=prompt, completion_tokens=_ANSWER_TOKENS)
        return price_of(price, usage) or 0

    def typical(self, by: str) -> int | None:
        """Return what a summary by *by* costs, where nothing is known of it but the model.

        In billionths of a dollar; None: nobody knows.
        """
        usage = Usage(prompt_tokens=_TYPICAL_TOKENS, completion_tokens=_ANSWER_TOKENS)
        return price_of(self._prices.get(model_of(by)), usage) if model_of(by) else 0

    def _tell_lost(self, lookup: Lookup, call: LostCall) -> bool:
        """Tell of *call* if it was paid for, or may have been; return whether its cost is known."""
        error = call.error
        reason, usage = ("cancelled", None) if error is None else (error.reason, error.usage)
        if usage is None and reason not in UNCERTAIN:
            return True
        bill = bill_of(self._prices, f"openai:{call.model}", usage or Usage())
        self.wasted(lookup, bill, reason)
        return bill is None or bill.usd is not None
