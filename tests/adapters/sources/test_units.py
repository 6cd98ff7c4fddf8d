from __future__ import annotations

import msgspec
import pytest

from adapters.sources.spec import LimitsSpec, RequestSpec, ResponseSpec
from adapters.sources.units import dec_hook, parse_duration, parse_size, schema_hook


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("90s", 90), ("1h30m", 5400), ("7d", 604_800), ("0", 0), (0, 0)],
)
def test_durations_are_read_in_seconds(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["90", "1 week", "", "-3s", "s", "3s!", None])
def test_a_wrong_duration_is_named(text: object) -> None:
    with pytest.raises(ValueError, match=f"{text!r} is no duration"):
        parse_duration(text)


@pytest.mark.parametrize(("text", "size"), [("64MiB", 1 << 26), ("1.5kB", 1500), (512, 512)])
def test_sizes_are_read_in_bytes(text: object, size: int) -> None:
    assert parse_size(text) == size


def test_a_wrong_size_is_named() -> None:
    with pytest.raises(ValueError, match="'64 lots' is no size"):
        parse_size("64 lots")


def test_a_wrong_value_in_a_configuration_is_named_with_its_path() -> None:
    wrong = {"url": "https://example.org", "timeout": "soon"}
    with pytest.raises(msgspec.ValidationError, match=r"'soon' is no duration.*\$\.timeout"):
        msgspec.convert(wrong, RequestSpec, dec_hook=dec_hook)


@pytest.mark.parametrize("spec", [RequestSpec, ResponseSpec, LimitsSpec])
def test_the_structs_have_a_json_schema(spec: type) -> None:
    assert msgspec.json.schema(spec, schema_hook=schema_hook)
