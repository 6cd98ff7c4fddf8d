from __future__ import annotations

import re
from typing import Any

import jsonschema_rs
import pytest

from adapters.sources.spec import ParamSpec
from gateway.parameters import BadLookupError, accepted
from gateway.web.openapi.declared import schema_of

CITY = ParamSpec(pattern="[a-z]+", max_length=5, default="seoul")
SPECS = {
    "text": ParamSpec(),
    "city": CITY,
    "kind": ParamSpec(enum=("night", "day")),
    "radius": ParamSpec(type="int", min=1, max=50),
    "lat": ParamSpec(type="float", min=-90, max=90),
}
VALUES = [
    "a",
    "seoul",
    "Seoul!",
    "busan2",
    "night",
    "noon",
    "0",
    "1",
    "50",
    "51",
    "-90",
    "3.5",
    "é",
]


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("value", VALUES)
def test_the_schema_lets_through_what_the_source_takes(name: str, value: str) -> None:
    spec = SPECS[name]
    try:
        accepted({name: spec}, {name: value})
        taken = True
    except BadLookupError:
        taken = False
    number = spec.type != "text" and re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", value)
    written: Any = float(value) if number else value
    assert jsonschema_rs.Draft202012Validator(schema_of(spec)).is_valid(written) == taken


def test_a_default_is_told() -> None:
    assert schema_of(CITY)["default"] == "seoul"
