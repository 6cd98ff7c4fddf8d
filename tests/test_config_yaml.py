"""The ``config.yaml`` and the data that everyone starts with."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from adapters.source import Query, Record
from adapters.sources import catalog
from adapters.sources.dataset import DatasetSource
from gateway.commands.check import faults_in
from gateway.config import Config, load_config

ROOT = Path(__file__).resolve().parent.parent
FIELDS = [
    "id",
    "name",
    "maker",
    "purpose",
    "usage",
    "warnings",
    "cautions",
    "interactions",
    "side_effects",
    "storage",
    "image",
    "updated",
]


@pytest.fixture(scope="module")
def config() -> Config:
    return load_config(ROOT / "config.yaml", {})


async def test_it_is_right_with_and_without_keys(config: Config) -> None:
    assert await faults_in(config) == ()


def test_it_needs_nothing_from_the_environment(config: Config) -> None:
    assert config.secrets == ()
    assert all(source.local is not None for source in config.sources.values())


def test_with_keys_the_apis_are_asked() -> None:
    keys = {"DATA_GO_KR_KEY": "k", "OPENFDA_API_KEY": "k"}
    keyed = load_config(ROOT / "config.yaml", keys)
    assert [source.local for source in keyed.sources.values()] == [None, None]


def test_the_sources_that_it_suggests_are_right_and_need_no_key(tmp_path: Path) -> None:
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    suggested, found = re.subn(r"^  # (?=[\w-]+: \{catalog: )", "  ", text, flags=re.MULTILINE)
    (tmp_path / "config.yaml").write_text(suggested, encoding="utf-8")
    used = load_config(ROOT / "config.yaml", {}).sources
    sources = load_config(tmp_path / "config.yaml", {}).sources
    taken = [source for name, source in sources.items() if name not in used]
    assert len(taken) == found == 5
    assert all(source.request and source.request.has_keys for source in taken)
    assert f"holds {len(catalog.names()) - len(used)} more" in text


def test_no_secret_stands_in_it() -> None:
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    keys = re.findall(r"\b(?:api_)?key: *\"?([^\s\",}]+)", text)
    assert keys
    assert all(key.startswith("${") for key in keys)


@pytest.mark.parametrize("name", ["medicine", "drug-label"])
def test_both_sources_speak_of_the_same_fields_and_their_roles_are_among_them(
    config: Config, name: str
) -> None:
    source = config.sources[name]
    assert source.without_key is not None
    assert {"id", *source.response.fields} >= set(FIELDS)
    assert source.without_key.fields == source.response.fields
    roles = source.summary.roles
    assert {*roles.purpose, *roles.usage, *roles.caution} <= set(source.response.fields)
    assert source.terms.attribution
    assert source.terms.license


async def look_up(config: Config, name: str, text: str) -> list[Record]:
    section = config.sources[name]
    assert section.local is not None
    source = DatasetSource(name, section.local, section.terms, Path(), clock=lambda: 0.0)
    return list((await source.fetch(Query(text))).records)


async def test_the_bundled_data_find_tylenol_with_what_it_is_for(config: Config) -> None:
    (record,) = await look_up(config, "medicine", "타이레놀")
    assert record["id"] == "202005623"
    assert "통증" in record["purpose"]
    assert record["updated"] == "2024-12-20"


async def test_the_bundled_data_find_ibuprofen_with_its_warnings(config: Config) -> None:
    record = (await look_up(config, "drug-label", "ibuprofen"))[0]
    assert "headache" in record["purpose"]
    assert "Stomach bleeding" in record["warnings"]


async def test_what_is_warmed_is_in_the_bundled_data(config: Config) -> None:
    missing = [
        query
        for name, section in config.sources.items()
        for query in section.warm
        if not await look_up(config, name, query)
    ]
    assert missing == []


@pytest.mark.parametrize(("file", "key"), [("medicine", "itemSeq"), ("drug-label", "id")])
def test_every_bundled_record_stands_once_and_its_file_is_attributed(file: str, key: str) -> None:
    path = ROOT / "data" / f"{file}.jsonl"
    ids = [json.loads(line)[key] for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(ids) == len(set(ids))
    attribution = (ROOT / "data" / "ATTRIBUTION.md").read_text(encoding="utf-8")
    assert f"| `{file}.jsonl` | {len(ids)} |" in attribution
