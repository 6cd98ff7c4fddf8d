"""``docs/configuration.md`` says every key as the code has it, and its examples are right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.config import ConfigError, SourceSection, load_config
from gateway.config.faults import Fault
from gateway.config.manual import BEGIN, END, with_tables
from gateway.config.reference import keys, structs
from gateway.config.shape import shape

PAGE = (Path(__file__).resolve().parents[3] / "docs/configuration.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_tables_are_current() -> None:
    assert with_tables(PAGE) == PAGE, "run: make fix"


def test_every_key_stands_in_the_tables() -> None:
    tables = PAGE.partition(BEGIN)[2].partition(END)[0]
    every = {key.name for kind in structs() for key in keys(kind)}
    assert [name for name in every if f"| `{name}` |" not in tables] == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_right(example: str, tmp_path: Path) -> None:
    said: dict[str, Any] = yaml.safe_load(example)
    source = {"request": {"url": "https://example.org"}}
    if not {"llm", "sources"} & set(said):
        faults: list[Fault] = []
        assert shape(SourceSection, source | said, "", faults), faults
        return
    for name in said["sources"]:
        said["sources"][name] |= source
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(said))
    assert load_config(file, {}).sources


def test_the_faults_that_it_shows_are_the_ones_that_are_told(tmp_path: Path) -> None:
    shown = re.findall(r"^sources\.medicine\.freshness.*$", PAGE, re.MULTILINE)
    file = tmp_path / "config.yaml"
    file.write_text(
        "sources: {medicine: {request: {url: x}, freshness: {ttl: soon, negatve_ttl: 1m}}}"
    )
    with pytest.raises(ConfigError) as caught:
        load_config(file, {})
    assert [str(fault) for fault in caught.value.faults] == shown
