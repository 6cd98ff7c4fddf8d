"""A report's schema and predicate are compiled when they are read, and say what is wrong."""

from typing import Any

import pytest

from adapters.sources.spec import SpecError
from gateway.quality.report import ReportRules

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "doses": {"type": "array", "items": {"$ref": "#/$defs/dose"}},
        "score": {"type": "number"},
        "free": {"type": "number", "x-grounded": False},
        "held": {"type": "number", "minimum": 0, "maximum": 9, "x-grounded": True},
        "level": {"enum": ["low", "high"]},
    },
    "$defs": {
        "dose": {
            "type": "object",
            "properties": {"amount_mg": {"type": "number"}, "note": {"type": "string"}},
        }
    },
}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "strnig"},
        {"type": "object", "properties": []},
        {"$ref": "https://example.org/schema.json"},
        {"$ref": "#/$defs/none"},
        {"properties": {"a": {"pattern": "("}}},
    ],
)
def test_what_is_no_schema_is_told_at_once(schema: dict[str, Any]) -> None:
    with pytest.raises(SpecError) as caught:
        ReportRules(schema)
    assert caught.value.path == "schema"


@pytest.mark.parametrize("require", ["risk >", "risk > 0", "nosuch(risk)("])
def test_what_is_no_predicate_is_told_at_once(require: str) -> None:
    with pytest.raises(SpecError) as caught:
        ReportRules(SCHEMA, require)
    assert caught.value.path == "require"


def test_a_predicate_needs_a_schema() -> None:
    with pytest.raises(SpecError):
        ReportRules(None, "risk > `0`")


def test_without_a_schema_nothing_is_asked_of_a_report() -> None:
    assert list(ReportRules().faults(None)) == []
    assert ReportRules().names == ()


def test_another_predicate_names_other_summaries() -> None:
    assert ReportRules(SCHEMA, "score").names != ReportRules(SCHEMA).names


def test_texts_and_numbers_are_claims_and_judgements_are_not() -> None:
    rules = ReportRules(SCHEMA, "score > `0` && level == 'high'")
    report = {
        "doses": [{"amount_mg": 500, "note": "at night"}],
        "score": 3,
        "free": 4,
        "held": 5,
        "level": "high",
        "more": 6.5,
        "yes": True,
    }
    assert list(rules.claims(report)) == ["500 mg", "at night", "5", "6.5"]
    assert list(rules.texts(report)) == ["at night"]
