from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from adapters.errors import Kind, UpstreamError
from adapters.source import Payload, Query
from adapters.sources.dataset import DatasetSource
from adapters.sources.spec import DatasetSpec, SpecError, TermsSpec

NAMES = ["어린이타이레놀현탁액", "타이레놀8시간이알서방정", "타이레놀", "게보린정", "Tylenol Cold"]


def spec(**more: object) -> DatasetSpec:
    fields = {"name": "itemName", "maker": "entpName"}
    return msgspec.convert(
        {"path": "drugs.jsonl", "id": "itemSeq", "fields": fields, **more}, DatasetSpec
    )


def source(folder: Path, **more: object) -> DatasetSource:
    return DatasetSource(
        "medicine", spec(**more), TermsSpec(attribution="식약처"), folder, lambda: 5.0
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        {"itemSeq": n, "itemName": name, "entpName": "<p>한국</p>"} for n, name in enumerate(NAMES)
    ]
    (tmp_path / "drugs.jsonl").write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    (tmp_path / "drugs.csv").write_bytes("itemSeq,itemName,entpName\n7,똠약,한국\n".encode("cp949"))
    return tmp_path


def names(payload: Payload) -> list[str]:
    return [record["name"] for record in payload.records]


async def test_exact_names_come_first_then_prefixes_then_the_rest(folder: Path) -> None:
    payload = await source(folder).fetch(Query("타이레놀"))
    assert names(payload) == ["타이레놀", "타이레놀8시간이알서방정", "어린이타이레놀현탁액"]
    assert payload.records[0] == {"id": "2", "name": "타이레놀", "maker": "한국"}
    assert payload.attribution.text == "식약처"
    assert payload.at == 5.0


@pytest.mark.parametrize("text", ["TYLENOL", "tylenolcold", "  ＴＹＬＥＮＯＬ  ｃｏｌｄ "])
async def test_names_are_compared_without_case_width_and_spaces(folder: Path, text: str) -> None:
    assert names(await source(folder).fetch(Query(text))) == ["Tylenol Cold"]


async def test_no_match_is_an_empty_payload(folder: Path) -> None:
    payload = await source(folder).fetch(Query("없는약"))
    assert (payload.records, payload.total) == ((), 0)


async def test_the_total_counts_all_matches_and_the_records_are_capped(folder: Path) -> None:
    payload = await source(folder, max_records=2).fetch(Query("타이레놀"))
    assert (len(payload.records), payload.total) == (2, 3)


async def test_a_record_is_found_by_its_id(folder: Path) -> None:
    assert names(await source(folder).fetch(Query("", {"id": "3"}))) == ["게보린정"]


async def test_csv_in_cp949_is_read(folder: Path) -> None:
    drugs = source(folder, path="drugs.csv", format="csv", encoding="cp949", at="2026-07-10")
    payload = await drugs.fetch(Query("똠"))
    assert names(payload) == ["똠약"]
    assert (payload.at, payload.as_of) == (5.0, 1_783_641_600.0)


async def test_a_file_that_is_no_jsonl_is_malformed(folder: Path) -> None:
    (folder / "drugs.jsonl").write_text("{")
    with pytest.raises(UpstreamError) as caught:
        await source(folder).fetch(Query("x"))
    assert caught.value.kind is Kind.MALFORMED


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"path": "none.jsonl"}, "dataset.path"),
        ({"search": ("nam",)}, "dataset.search"),
        ({"fields": {"name": "a["}}, "dataset.fields.name"),
        ({"at": "soon"}, "dataset.at"),
    ],
)
def test_a_wrong_configuration_is_named(folder: Path, more: dict[str, object], path: str) -> None:
    with pytest.raises(SpecError) as caught:
        source(folder, **more)
    assert caught.value.path == path


def test_a_stand_in_that_is_not_there_is_missed_where_it_stands(folder: Path) -> None:
    gone = spec(path="gone.jsonl")
    with pytest.raises(SpecError) as caught:
        DatasetSource("x", gone, TermsSpec(), folder, lambda: 5.0, at="without_key")
    assert caught.value.path == "without_key.path"


async def test_a_listing_has_every_row_however_many_an_answer_may_have(folder: Path) -> None:
    payload = await source(folder, max_records=2).fetch(Query("", whole=True))
    assert names(payload) == NAMES
    assert payload.total == len(NAMES)
