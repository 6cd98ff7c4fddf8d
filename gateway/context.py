"""Context classes: what a reader is, in classes that a source declares, never in its own words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from gateway.parameters import BadLookupError

Context = tuple[tuple[str, str], ...]
"""Classes and their values, sorted: ``(("age", "child"), ("pregnancy", "no"))``."""
PARAMETER = "context"
_WORD = re.compile(r"[a-z0-9][a-z0-9_+-]{0,31}")


def declared(classes: Mapping[str, Sequence[str | bool]]) -> dict[str, tuple[str, ...]]:
    """Return the *classes* of a configuration as texts; raise ValueError for one that is no word.

    YAML reads a bare ``yes`` as true.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, values in classes.items():
        words = tuple("yes" if each is True else "no" if each is False else each for each in values)
        if not words:
            raise ValueError(f"{PARAMETER}.{name} has no values")
        for word in (name, *words):
            if not _WORD.fullmatch(word):
                raise ValueError(f"{PARAMETER}: {word!r} is no word such as age or 12-17")
        found[name] = words
    return found


def read_context(classes: Mapping[str, Sequence[str]], text: str) -> Context:
    """Return what *text* (``pregnancy:yes,age:child``) says; raise `BadLookupError`."""
    if not text:
        return ()
    found: dict[str, str] = {}
    for member in filter(None, (part.strip() for part in text.casefold().split(","))):
        name, _, value = (part.strip() for part in member.partition(":"))
        if name not in classes:
            known = f"one of {', '.join(classes)}" if classes else "none here"
            raise BadLookupError(PARAMETER, f"no class {name[:40]!r}; there is {known}")
        if value not in classes[name]:
            raise BadLookupError(PARAMETER, f"{name} is one of {', '.join(classes[name])}")
        if name in found:
            raise BadLookupError(PARAMETER, f"{name} is given twice")
        found[name] = value
    return tuple(sorted(found.items()))
