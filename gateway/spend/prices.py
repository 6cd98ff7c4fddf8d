"""What a model's calls cost: pure, from their tokens and the prices in ``config.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from adapters.sources.units import Share, Spec
from adapters.summarizers.base import Usage
from storage.entry import Bill

NANOS = 1_000_000_000
"""Money is added up in billionths of a dollar: whole numbers do not drift."""
_PER_TOKEN = NANOS / 1_000_000
"""Prices are for a million tokens."""


class PriceSpec(Spec, frozen=True, kw_only=True):
    """What a model costs, in USD for a million tokens."""

    input: float
    """Of the prompt."""
    output: float
    """Of the answer."""
    cached_input: float | None = None
    """Of prompt tokens that the provider had cached; without it they cost what *input* says."""
    batch: Share = 1.0
    """What share of all that a call costs that goes through the batch endpoint."""

    def __post_init__(self) -> None:
        if min(self.input, self.output, self.cached_input or 0.0, self.batch) < 0:
            raise ValueError("a price is not negative")


def price_of(price: PriceSpec | None, usage: Usage) -> int | None:
    """Return what a call of *usage* costs in billionths of a dollar; None is unknown, not zero.

    Where the provider does not tell cached tokens apart, all cost the full price.
    """
    if price is None:
        return None
    if not (price.input or price.output or price.cached_input):
        return 0
    prompt, written = usage.prompt_tokens, usage.completion_tokens
    if prompt is None or written is None:
        return None
    cached = min(usage.cached_tokens or 0, prompt)
    cached_price = price.input if price.cached_input is None else price.cached_input
    dollars = (prompt - cached) * price.input + cached * cached_price + written * price.output
    return round(dollars * _PER_TOKEN * (price.batch if usage.batched else 1.0))


def model_of(by: str) -> str:
    """Return the model in ``openai:MODEL``; empty where no model wrote and nothing was paid."""
    return by.partition(":")[2]


def bill_of(prices: Mapping[str, PriceSpec], by: str, usage: Usage) -> Bill | None:
    """Return what a call of *usage* took; None where no model was asked."""
    model = model_of(by)
    if not model:
        return None
    nanos = price_of(prices.get(model), usage)
    return Bill(
        model,
        usage.prompt_tokens,
        usage.cached_tokens,
        usage.completion_tokens,
        None if nanos is None else nanos / NANOS,
    )


def total(bills: Sequence[Bill | None]) -> Bill | None:
    """Return what *bills* took together, by the name of the first one's model."""
    paid = [bill for bill in bills if bill is not None]
    if not paid:
        return None

    def added(values: Iterable[float | None]) -> Any:
        known = list(values)
        return None if None in known else sum(value for value in known if value is not None)

    return Bill(
        paid[0].model,
        added(bill.prompt_tokens for bill in paid),
        added(bill.cached_tokens for bill in paid),
        added(bill.completion_tokens for bill in paid),
        added(bill.usd for bill in paid),
    )


def priced(bill: Bill | None) -> tuple[str, float | None]:
    """Return the model and what it cost; where nobody was paid, no model and nothing."""
    return ("", 0.0) if bill is None else (bill.model, bill.usd)


def nanos_of(usd: float | None) -> int | None:
    """Return *usd* in billionths, exactly as `price_of` had it; unknown stays unknown."""
    return None if usd is None else round(usd * NANOS)


def batch_prices(prices: Mapping[str, PriceSpec]) -> dict[str, PriceSpec]:
    """Return what calls cost that go through the batch endpoint."""

    def shared(price: PriceSpec) -> PriceSpec:
        cached = price.cached_input
        return PriceSpec(
            input=price.input * price.batch,
            output=price.output * price.batch,
            cached_input=None if cached is None else cached * price.batch,
        )

    return {model: shared(price) for model, price in prices.items()}


def dearest(prices: Mapping[str, PriceSpec]) -> PriceSpec | None:
    """Return the price that no model of *prices* exceeds; None when there are none."""
    if not prices:
        return None
    return msgspec.structs.replace(
        max(prices.values(), key=lambda price: price.output),
        input=max(price.input for price in prices.values()),
    )
