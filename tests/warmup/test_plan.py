from __future__ import annotations

from pathlib import Path

import pytest

from gateway.parameters import BadLookupError
from tests.gateway.world import World
from warmup.plan import planned


def texts(*sources: str, file: Path | None = None) -> list[str]:
    world = World()
    route = world.route
    first = type(route)(
        name="medicine",
        source=route.source,
        gate=route.gate,
        attribution=route.attribution,
        warm=("타이레놀", " 타이레놀 ", "게보린"),
    )
    second = type(route)(
        name="label", source=route.source, gate=route.gate, attribution=route.attribution
    )
    routes = {"medicine": first, "label": second}
    return [f"{each.source}:{each.text}" for each in planned(routes, sources, file)]


def test_every_sources_warm_list_is_asked_each_query_once() -> None:
    assert texts() == ["medicine:타이레놀", "medicine:게보린"]


def test_a_file_stands_in_for_the_lists(tmp_path: Path) -> None:
    file = tmp_path / "top.txt"
    file.write_text("Aspirin\n\naspirin\nIbuprofen\n", encoding="utf-8")
    assert texts("label", file=file) == ["label:aspirin", "label:ibuprofen"]


def test_an_unknown_source_and_a_query_that_is_none_are_errors(tmp_path: Path) -> None:
    with pytest.raises(BadLookupError, match="unknown source medecine"):
        texts("medecine")
    file = tmp_path / "top.txt"
    file.write_text("x" * 201, encoding="utf-8")
    with pytest.raises(BadLookupError, match="at most 200"):
        texts("label", file=file)
    table = tmp_path / "top.csv"
    table.write_text("q,source\naspirin,label\naspirin,lable\n", encoding="utf-8")
    with pytest.raises(BadLookupError, match="source: line 3: unknown source lable"):
        texts("label", file=table)
