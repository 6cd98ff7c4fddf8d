from __future__ import annotations

import pytest

from gateway.context import declared, read_context
from gateway.parameters import BadLookupError

CLASSES = {"pregnancy": ("yes", "no"), "age": ("child", "adult", "12-17")}


@pytest.mark.parametrize(
    "text", ["pregnancy:yes,age:child", "age:child,pregnancy:yes", " Age : Child ,PREGNANCY:yes,"]
)
def test_spellings_of_one_context_become_one(text: str) -> None:
    assert read_context(CLASSES, text) == (("age", "child"), ("pregnancy", "yes"))


def test_no_context_is_none() -> None:
    assert read_context(CLASSES, "") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("weight:high", "no class 'weight'; there is one of pregnancy, age"),
        ("age:42", "age is one of child, adult, 12-17"),
        ("age", "age is one of child, adult, 12-17"),
        ("age:child,age:adult", "age is given twice"),
        ("I am 42 and pregnant", "no class"),
    ],
)
def test_what_is_not_declared_is_refused_with_what_is(text: str, message: str) -> None:
    with pytest.raises(BadLookupError, match=message) as caught:
        read_context(CLASSES, text)
    assert caught.value.parameter == "context"


def test_yes_and_no_are_words_although_yaml_reads_them_as_true_and_false() -> None:
    assert declared({"pregnancy": (True, False, "maybe")}) == {"pregnancy": ("yes", "no", "maybe")}


@pytest.mark.parametrize("classes", [{"age": ()}, {"a:b": ("c",)}, {"age": ("x,y",)}, {"": ("a",)}])
def test_a_class_that_cannot_be_asked_for_is_a_fault(classes: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match="context"):
        declared(classes)
