"""JMESPath and regular expressions of a configuration: compiled once, wrong ones named by path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from adapters.errors import Kind, UpstreamError
from adapters.sources.spec import SpecError

_CONSTANT = {"`null`": None, "`true`": True}
"""What stands where a configuration says nothing."""
_NAMES = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
"""Paths of plain names, which most are: followed without JMESPath, in a tenth of its time."""


class Expression:
    """A compiled JMESPath."""

    def __init__(self, path: str, text: str) -> None:
        """Compile *text*, which stands at *path* in the configuration; raise `SpecError`."""
        try:
            self._parsed = jmespath.compile(text)
        except (JMESPathError, IndexError, ValueError) as error:
            raise SpecError(path, f"{text!r} is no JMESPath: {_first_line(error)}") from error
        self.text = text
        self._names = tuple(text.split(".")) if _NAMES.fullmatch(text) else ()
        self._name = text if len(self._names) == 1 else ""
        self._whole = text == "@"

    def find(self, document: Any) -> Any:
        """Return what it finds in *document*; a type that it cannot work on is malformed."""
        if self._name:
            return document.get(self._name) if isinstance(document, dict) else None
        if self._names:
            return _descend(document, self._names)
        if self._whole:
            return document
        if self.text in _CONSTANT:
            return _CONSTANT[self.text]
        try:
            return self._parsed.search(document)
        except JMESPathError as error:
            raise UpstreamError(
                Kind.MALFORMED, f"the upstream's answer does not fit {self.text!r}"
            ) from error


def _descend(document: Any, names: tuple[str, ...]) -> Any:
    for name in names:
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    return document


def compile_pattern(path: str, text: str) -> re.Pattern[str]:
    """Return the regular expression *text*; raise `SpecError` at *path*."""
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise SpecError(path, f"{text!r} is no regular expression: {error}") from error


def as_texts(value: Any) -> Iterator[str]:
    """Yield the scalars of *value*, a scalar or a list of them, as text."""
    for item in value if isinstance(value, list) else (value,):
        if isinstance(item, bool):
            yield str(item).lower()
        elif isinstance(item, str | int | float):
            yield str(item).strip()


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
