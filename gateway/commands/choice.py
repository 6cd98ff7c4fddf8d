"""The source that a command names."""

from __future__ import annotations

import difflib

from gateway.config import Config
from gateway.parameters import BadLookupError


def chosen(config: Config, name: str | None) -> list[str]:
    """Return the name in a list, or all names for None; raise `BadLookupError` on an unknown one.

    The error says which names are near.
    """
    if name is None:
        return list(config.sources)
    if name in config.sources:
        return [name]
    near = difflib.get_close_matches(name, config.sources, n=3, cutoff=0.4) or config.sources
    raise BadLookupError("source", f"no source {name!r}; there is {', '.join(near)}")
