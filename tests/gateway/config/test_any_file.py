"""Whatever stands in a file, loading it ends in a configuration or in faults with their paths."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config import ConfigError, Fault, load_config

ROOT = Path(__file__).resolve().parents[3]
SECRET = "s3cr3t-value"
DOCUMENT = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.sampled_from(["", "7d", "64MiB", "${SECRET}", "${", "${GONE}", "타이레놀", "a:b"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.one_of(st.text(max_size=4), st.integers(0, 9)), below, max_size=3)
    ),
    max_leaves=5,
)


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    below = (
        node if isinstance(node, dict) else dict(enumerate(node if isinstance(node, list) else ()))
    )
    for key, value in below.items():
        yield from places(value, (*path, key))


def faults_of(file: Path) -> tuple[Fault, ...] | None:
    try:
        load_config(file, {"SECRET": SECRET})
    except ConfigError as error:
        return error.faults
    return None


PLACES = [place for place in places(DOCUMENT) if place]


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.sampled_from(PLACES), value=VALUES)
def test_a_value_anywhere_ends_in_a_configuration_or_in_faults(
    tmp_path: Path, place: tuple[Any, ...], value: Any
) -> None:
    document = copy.deepcopy(DOCUMENT)
    node = document
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = value
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    faults = faults_of(file)
    assert faults is None or faults
    for fault in faults or ():
        assert fault.path
        assert SECRET not in str(fault)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    content=st.binary(max_size=60) | st.text(alphabet="ab:-[]{}&*!<>#'\"\\n ?|@%,0", max_size=40)
)
def test_any_bytes_end_in_faults(tmp_path: Path, content: bytes | str) -> None:
    file = tmp_path / "config.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError):
        load_config(file, {})
