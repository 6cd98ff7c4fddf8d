from __future__ import annotations

from pathlib import Path

import pytest

from gateway.parameters import BadLookupError
from warmup.files import Asked, read_file


def read(folder: Path, name: str, content: str | bytes) -> list[tuple[int, Asked]]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_file(path))


def test_a_text_has_a_query_on_each_line(tmp_path: Path) -> None:
    assert read(tmp_path, "a.txt", "\ufeffAspirin\n\n  타이레놀 500 \r\n") == [
        (1, Asked("Aspirin")),
        (3, Asked("타이레놀 500")),
    ]


def test_a_table_has_a_column_for_each_parameter(tmp_path: Path) -> None:
    content = 'q,source,keyword,city\n"a, b",drugs,pain,\nc,,,Seoul\n'
    assert read(tmp_path, "a.CSV", content) == [
        (2, Asked("a, b", source="drugs", keyword="pain")),
        (3, Asked("c", params={"city": "Seoul"})),
    ]


def test_json_lines_are_texts_or_objects(tmp_path: Path) -> None:
    content = (
        '"a"\n\n{"q": "b", "source": "drugs", "lang": "ko", "context": "age:child", "city": "Jeju",'
        ' "params": {"radius": 500}, "keyword": null}\n'
    )
    assert read(tmp_path, "a.jsonl", content) == [
        (1, Asked("a")),
        (
            3,
            Asked(
                "b",
                source="drugs",
                lang="ko",
                context="age:child",
                params={"city": "Jeju", "radius": "500"},
            ),
        ),
    ]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "q,city\na,b,c\n", "line 2 has more cells"),
        ("a.csv", 'q\n"a\n', "unexpected end of data"),
        ("a.jsonl", '"a"\n{\n', "^--from: line 2 is no JSON"),
        ("a.jsonl", "[1]\n", "line 1 is neither"),
        ("a.jsonl", '{"q": ["a"]}\n', "line 1: a text or a number"),
        ("a.txt", b"\xff\xfe\n", "is not UTF-8"),
    ],
)
def test_what_is_no_lookup_is_said_with_its_line(
    tmp_path: Path, name: str, content: str | bytes, said: str
) -> None:
    with pytest.raises(BadLookupError, match=said):
        read(tmp_path, name, content)
