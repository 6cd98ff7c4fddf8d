"""What a warm-up asks for: pure, from the routes and a file's lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.lookup import Lookup, make_lookup
from gateway.parameters import BadLookupError
from gateway.route import Route


def planned(
    routes: Mapping[str, Route], sources: Sequence[str], file: Path | None = None
) -> list[Lookup]:
    """Return the lookups of *sources* (all, when none is named), each once, in their order.

    They are the queries of *file*, one a line, or else those under each source's ``warm:``.
    Raise `BadLookupError` for a source or a query that cannot be asked, OSError for the file.
    """
    for name in sources:
        if name not in routes:
            raise BadLookupError("source", f"unknown source {name}; there are {', '.join(routes)}")
    chosen = [routes[name] for name in sources] or list(routes.values())
    lines = None if file is None else file.read_text(encoding="utf-8").splitlines()
    lookups = (
        make_lookup(route, query)
        for route in chosen
        for query in (route.warm if lines is None else lines)
        if query.strip()
    )
    return list({lookup.key: lookup for lookup in lookups}.values())
