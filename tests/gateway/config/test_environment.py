from __future__ import annotations

import pytest

from gateway.config.environment import FromEnvironment, substitute
from gateway.config.faults import Fault


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${NAME}", "value"),
        ("a ${NAME} b ${NAME}", "a value b value"),
        ("${NONE:-else}", "else"),
        ("${BLANK:-else}", "else"),
        ("${BLANK}", ""),
        ("${NONE:-}", ""),
        ("${NONE:-sqlite:///a b.db}", "sqlite:///a b.db"),
        ("$${NAME}", "${NAME}"),
        ("$NAME {NAME}", "$NAME {NAME}"),
    ],
)
def test_a_reference_is_replaced_as_a_shell_would(text: str, expected: str) -> None:
    faults: list[Fault] = []
    assert substitute(text, {"NAME": "value", "BLANK": ""}, "", faults) == expected
    assert faults == []


def test_a_name_that_the_environment_has_not_is_a_fault_at_its_path() -> None:
    faults: list[Fault] = []
    substitute({"llm": {"keys": ["${NONE}", "${1X}"]}}, {}, "", faults)
    assert [str(fault) for fault in faults] == [
        "llm.keys[0]: the environment has no NONE; ${NONE:-} makes it optional",
        "llm.keys[1]: a reference is ${NAME} or ${NAME:-default}; $${ is a plain ${",
    ]


def test_a_value_from_the_environment_is_not_read_again() -> None:
    assert substitute("${A}", {"A": "${B}", "B": "b"}, "", []) == "${B}"


def test_a_replaced_text_remembers_how_the_file_wrote_it() -> None:
    text = substitute("key ${A}", {"A": "secret"}, "", [])
    assert isinstance(text, FromEnvironment)
    assert text.written == "key ${A}"
