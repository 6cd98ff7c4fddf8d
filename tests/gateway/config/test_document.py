from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import ConfigError
from gateway.config.document import read_document


def told(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_document(path)
    return [str(fault) for fault in caught.value.faults]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def test_a_key_that_stands_twice_is_a_fault_with_both_its_lines(file: Path) -> None:
    file.write_text("a:\n  b: 1\n  b: 2\nc: [{d: 1, d: 2}]\na: {}\n")
    assert told(file) == [
        "a.b: stands twice, in lines 2 and 3",
        "c[0].d: stands twice, in lines 4 and 4",
        "a: stands twice, in lines 1 and 5",
    ]


def test_anchors_and_merges_are_no_duplicates(file: Path) -> None:
    file.write_text("a: &a {x: 1}\nb: *a\nc:\n  <<: *a\n  y: 2\n")
    assert read_document(file) == {"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 1, "y": 2}}


def test_a_fault_of_the_yaml_is_told_with_its_line(file: Path) -> None:
    file.write_text("a: 1\nb: [1, 2\nc: 3\n")
    (fault,) = told(file)
    assert fault.startswith(f"{file} line 3, column ")


def test_an_unquoted_reference_within_braces_is_told_to_be_quoted(file: Path) -> None:
    file.write_text("server: {port: ${PORT}}\n")
    (fault,) = told(file)
    assert fault.endswith('within { } write "${NAME}" in quotes')


def test_a_file_that_is_not_there_says_so(file: Path) -> None:
    assert told(file) == [f"{file} cannot be read: No such file or directory"]


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", b"- 1\n- 2\n", b"a: \x07\n", b"a: 2026-13-41", b"[" * 2000]
)
def test_a_file_of_something_else_is_one_fault_and_no_traceback(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    (fault,) = told(file)
    assert str(file) in fault


def test_an_empty_file_holds_nothing(file: Path) -> None:
    file.write_text("# nothing yet\n")
    assert read_document(file) == {}


def test_an_alias_of_what_it_stands_in_is_a_fault(file: Path) -> None:
    file.write_text("a: &a\n  b: [*a]\n")
    assert told(file) == ["a.b[0]: is an alias of what it stands in"]
