from __future__ import annotations

import msgspec
import pytest

from adapters.summarizers.base import Usage
from gateway.spend.prices import (
    NANOS,
    PriceSpec,
    batch_prices,
    bill_of,
    dearest,
    model_of,
    nanos_of,
    price_of,
)
from storage.entry import Bill

MINI = PriceSpec(input=0.15, cached_input=0.075, output=0.60)


def test_cached_tokens_are_priced_apart() -> None:
    assert price_of(MINI, Usage(1000, 400, 100)) == 600 * 150 + 400 * 75 + 100 * 600


def test_without_a_price_of_their_own_cached_tokens_cost_the_full_one() -> None:
    plain = msgspec.structs.replace(MINI, cached_input=None)
    assert price_of(plain, Usage(1000, 400, 0)) == 1000 * 150
    assert price_of(MINI, Usage(1000, None, 0)) == 1000 * 150


@pytest.mark.parametrize("usage", [Usage(), Usage(10, 0, None), Usage(None, 0, 10)])
def test_unknown_usage_is_unknown_and_not_zero(usage: Usage) -> None:
    assert price_of(MINI, usage) is None


def test_an_unknown_price_is_unknown_and_a_free_model_is_free() -> None:
    assert price_of(None, Usage(1, 0, 1)) is None
    assert price_of(PriceSpec(input=0, output=0), Usage()) == 0


def test_a_batch_costs_its_share() -> None:
    half = msgspec.structs.replace(MINI, batch=0.5)
    usage = Usage(1000, 400, 100)
    assert price_of(half, usage) == price_of(MINI, usage) == 180_000
    assert price_of(batch_prices({"m": half})["m"], usage) == 90_000
    assert price_of(batch_prices({"m": MINI})["m"], usage) == 180_000
    plain = batch_prices({"m": PriceSpec(input=2, output=4, batch=0.5)})["m"]
    assert price_of(plain, usage) == 1_200_000


def test_a_model_is_named_behind_its_provider_and_the_extractive_summary_has_none() -> None:
    assert model_of("openai:llama3:8b") == "llama3:8b"
    assert model_of("extractive") == ""
    assert bill_of({"m": MINI}, "extractive", Usage()) is None
    assert bill_of({}, "openai:m", Usage(1, 0, 2)) == Bill("m", 1, 0, 2, None)


def test_money_survives_its_way_through_dollars_to_the_last_billionth() -> None:
    for nanos in (1, 37, 150, 2**50 + 1, NANOS * 1000 + 7):
        assert nanos_of(nanos / NANOS) == nanos
    assert nanos_of(None) is None


def test_the_dearest_price_is_exceeded_by_no_model() -> None:
    assert dearest({}) is None
    worst = dearest({"a": PriceSpec(input=5, output=1), "b": PriceSpec(input=1, output=9)})
    assert worst is not None
    assert (worst.input, worst.output) == (5, 9)


def test_a_price_below_zero_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="not negative"):
        msgspec.convert({"input": -1.0, "output": 1.0}, PriceSpec)


def test_no_more_tokens_are_taken_for_cached_than_there_were() -> None:
    assert price_of(MINI, Usage(10, 400, 0)) == 10 * 75


def test_cached_tokens_may_be_free() -> None:
    assert price_of(msgspec.structs.replace(MINI, cached_input=0.0), Usage(10, 10, 0)) == 0
