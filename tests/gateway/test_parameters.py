from __future__ import annotations

import pytest

from adapters.sources.spec import ParamSpec
from gateway.parameters import BadLookupError, accepted

SPECS = {
    "lat": ParamSpec(type="float", min=-90, max=90, together=("lon",)),
    "lon": ParamSpec(type="float", min=-180, max=180, together=("lat",)),
    "page": ParamSpec(type="int", default="1", min=1),
    "sort": ParamSpec(enum=("name", "distance")),
    "code": ParamSpec(pattern=r"\d{8}"),
}


def test_values_have_one_spelling_and_defaults_stand_in() -> None:
    assert accepted(SPECS, {"lat": "37.50", "lon": "127"}) == {
        "lat": "37.5",
        "lon": "127.0",
        "page": "1",
    }


@pytest.mark.parametrize(
    ("given", "parameter", "message"),
    [
        ({"lta": "1"}, "lta", "did you mean lat"),
        ({"lat": "91", "lon": "0"}, "lat", "at most 90"),
        ({"lat": "nan", "lon": "0"}, "lat", "must be a number"),
        ({"lat": "1e3", "lon": "0"}, "lat", "must be a number"),
        ({"lat": "1"}, "lon", "lat needs it"),
        ({"page": "1_0"}, "page", "whole number"),
        ({"page": "0"}, "page", "at least 1"),
        ({"sort": "size"}, "sort", "one of name, distance"),
        ({"code": "123"}, "code", "must match"),
        ({"code": "1" * 201}, "code", "at most 200 characters"),
    ],
)
def test_a_wrong_value_names_its_parameter(
    given: dict[str, str], parameter: str, message: str
) -> None:
    with pytest.raises(BadLookupError, match=message) as caught:
        accepted(SPECS, given)
    assert caught.value.parameter == parameter


def test_a_required_parameter_is_asked_for() -> None:
    with pytest.raises(BadLookupError, match="id: this source needs it"):
        accepted({"id": ParamSpec(required=True)}, {})
