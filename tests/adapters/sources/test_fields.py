from __future__ import annotations

import pytest

from adapters.sources.fields import clean_text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("one two", "one two"),
        ("one  two", "one two"),
        ("one\ttwo", "one two"),
        ("one\u00a0two\u3000\u3000three", "one two three"),
        (" \u3000 타이레놀  정 ", "타이레놀 정"),
        ("one \r\n\r\n two\rthree", "one\n\ntwo\nthree"),
    ],
)
def test_white_space_is_one_blank_or_one_or_two_line_breaks(text: str, cleaned: str) -> None:
    assert clean_text(text, strip_tags=False) == cleaned
