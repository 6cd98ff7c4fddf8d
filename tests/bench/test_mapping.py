from __future__ import annotations

import pytest

from adapters.http import Reply
from bench import mapping


def test_the_benchmark_prints_a_row_for_each_form(capsys: pytest.CaptureFixture[str]) -> None:
    assert mapping.main(rounds=1) == 0
    rows = capsys.readouterr().out.splitlines()
    assert [row[:5].strip(" ,") for row in rows] == ["JSON", "JSON", "XML", "XML"]
    assert all("µs a record" in row for row in rows)


def test_both_forms_give_the_same_records() -> None:
    reader = mapping.reader("body.items")
    pages = [reader.read(Reply(200, body)) for body in (mapping.as_json(), mapping.as_xml())]
    assert list(pages[0].records) == list(pages[1].records)
    assert len(pages[0].records) == mapping.plain_json(mapping.as_json()) == mapping.ROWS
