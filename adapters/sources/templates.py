"""Templates of URLs, parameters and headers: ``{q}``, ``{name:default}``, ``{q|phrase}``."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from adapters.sources.spec import SpecError

_PIECE = re.compile(r"\{\{|\}\}|\{(\w+)(?::([^{}|]*))?((?:\|\w+)*)\}|[{}]")


def escape_phrase(text: str) -> str:
    r"""Escape ``\`` and then ``"`` for a quoted Lucene phrase.

    Unescaped, a term that ends in a backslash dissolves the phrase and the upstream
    answers 200 with somebody else's rows (``api-quirks`` §4).
    """
    return text.replace("\\", "\\\\").replace('"', '\\"')


FILTERS: dict[str, Callable[[str], str]] = {
    "phrase": escape_phrase,
    "upper": str.upper,
    "lower": str.lower,
    "title": str.title,
}


class AbsentError(Exception):
    """A placeholder has neither a value nor a default; *name* says which."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True, slots=True)
class Slot:
    """A placeholder."""

    name: str
    default: str | None
    filters: tuple[Callable[[str], str], ...]

    def fill(self, values: Mapping[str, str]) -> str:
        """Return its value; raise `AbsentError` when there is none."""
        text = values.get(self.name) or self.default
        if text is None:
            raise AbsentError(self.name)
        for apply in self.filters:
            text = apply(text)
        return text


class Template:
    """A compiled template."""

    def __init__(self, path: str, text: str, names: Collection[str]) -> None:
        """Compile *text*, which stands at *path*; raise `SpecError` on a name not in *names*."""
        self._pieces = tuple(piece for piece in _parse(path, text, names) if piece != "")
        self._only = self._pieces[0] if len(self._pieces) == 1 else ""

    def fill(self, values: Mapping[str, str], encode: Callable[[str], str] = str) -> str:
        """Return the text with *values*, each through *encode*; raise `AbsentError`."""
        if isinstance(self._only, Slot):  # as most are
            return encode(self._only.fill(values))
        texts = [
            encode(piece.fill(values)) if isinstance(piece, Slot) else piece
            for piece in self._pieces
        ]
        return "".join(texts)


def _parse(path: str, text: str, names: Collection[str]) -> list[str | Slot]:
    pieces: list[str | Slot] = []
    position = 0
    for match in _PIECE.finditer(text):
        pieces.append(text[position : match.start()])
        position = match.end()
        pieces.append(_piece(path, match, names))
    pieces.append(text[position:])
    return pieces


def _piece(path: str, match: re.Match[str], names: Collection[str]) -> str | Slot:
    token, name = match[0], match[1]
    if token in ("{{", "}}"):
        return token[0]
    if name is None:
        raise SpecError(path, f"a lone {token!r}; write {token * 2!r} for the character itself")
    if name not in names:
        known = ", ".join(sorted(names))
        raise SpecError(path, f"{{{name}}} is no parameter of this source; it has {known}")
    unknown = [each for each in match[3].split("|")[1:] if each not in FILTERS]
    if unknown:
        known = ", ".join(FILTERS)
        raise SpecError(path, f"{unknown[0]!r} is no filter; there are {known}")
    return Slot(name, match[2], tuple(FILTERS[each] for each in match[3].split("|")[1:]))
