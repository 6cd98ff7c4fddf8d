from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.config import Config, ConfigError, load_config
from tests.stub_upstream import source

PRICE = {"input": 0.15, "cached_input": 0.075, "output": 0.6}


def load(folder: Path, **sections: Any) -> Config:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({"sources": {"s": source("http://127.0.0.1:9")}, **sections}))
    return load_config(path, {})


def faults(folder: Path, **sections: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, **sections)
    return [fault.path for fault in caught.value.faults]


def test_prices_and_budgets_are_read(tmp_path: Path) -> None:
    llm = {"base_url": "http://127.0.0.1:9", "model": "m", "prices": {"m": PRICE}}
    budgets = {"day": 1, "tenants": {"app": 0.2}, "background_share": {"bulk": 0.25}}
    config = load(tmp_path, llm=llm, budgets=budgets)
    assert config.llm.prices["m"].cached_input == 0.075
    assert config.budgets.day == 1
    assert config.budgets.bounded
    assert config.budgets.background_share.refresh == 0.8


def test_a_budget_needs_the_price_of_every_model_that_may_be_asked(tmp_path: Path) -> None:
    llm = {"base_url": "http://127.0.0.1:9", "model": "m", "prices": {"other": PRICE}}
    assert faults(tmp_path, llm=llm, budgets={"day": 1}) == ["llm.prices"]
    assert not load(tmp_path, llm=llm).budgets.bounded
    models = [{"model": "m"}, {"model": "n"}]
    listed = {**llm, "models": models, "prices": {"m": PRICE}}
    assert faults(tmp_path, llm=listed, budgets={"sources": {"s": 1}}) == ["llm.prices"]


def test_a_budget_needs_the_price_of_the_model_of_embeddings(tmp_path: Path) -> None:
    llm = {"base_url": "http://127.0.0.1:9", "model": "m", "embeddings": {"model": "e"}}
    assert faults(tmp_path, llm={**llm, "prices": {"m": PRICE}}, budgets={"day": 1}) == [
        "llm.prices"
    ]
    assert load(tmp_path, llm={**llm, "prices": {"m": PRICE, "e": PRICE}}, budgets={"day": 1})


def test_a_budget_without_a_model_needs_no_price(tmp_path: Path) -> None:
    assert load(tmp_path, budgets={"day": 1}).budgets.bounded


@pytest.mark.parametrize(
    ("sections", "path"),
    [
        ({"budgets": {"day": -1}}, "budgets.day"),
        ({"budgets": {"background_share": {"bulk": 2}}}, "budgets.background_share.bulk"),
        ({"llm": {"prices": {"m": {"input": -1, "output": 1}}}}, "llm.prices.m"),
    ],
)
def test_impossible_money_is_refused_with_its_path(
    tmp_path: Path, sections: dict[str, Any], path: str
) -> None:
    assert faults(tmp_path, **sections) == [path]
