"""What a warm-up asks for: from the routes and a file's lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from gateway.lookup import SHARED_TENANT, Lookup, make_lookup
from gateway.parameters import BadLookupError
from gateway.route import Route
from gateway.warming.freshness import distinct
from warmup.files import Asked, read_file


def planned(
    routes: Mapping[str, Route],
    sources: Sequence[str],
    file: Path | None = None,
    tenant: str = SHARED_TENANT,
) -> list[Lookup]:
    """Return the lookups of *sources* (all, when none is named), each once, in their order.

    They are those of *file*, or else those under each source's ``warm:``.
    Raise `BadLookupError` for a source or a query that cannot be asked, OSError for the file.
    """
    chosen = [route_of(routes, name) for name in sources] or list(routes.values())
    if file is not None:
        return distinct(_of_file(routes, chosen, file, tenant))
    listed = ((route, query) for route in chosen for query in route.warm)
    return distinct(make_lookup(route, q, tenant=tenant) for route, q in listed if q.strip())


def route_of(routes: Mapping[str, Route], name: str) -> Route:
    """Return the route *name*; raise `BadLookupError`."""
    if name not in routes:
        raise BadLookupError("source", f"unknown source {name}; there are {', '.join(routes)}")
    return routes[name]


def _of_file(
    routes: Mapping[str, Route], chosen: Sequence[Route], file: Path, tenant: str
) -> Iterator[Lookup]:
    asked = list(read_file(file))
    # A plain list is asked of one source after the other, as their own lists are.
    for route in chosen:
        for number, each in asked:
            with _at(number):
                if each.source and route_of(routes, each.source) is not route:
                    continue
                lookup = _lookup(route, each, tenant)
            yield lookup


@contextmanager
def _at(number: int) -> Iterator[None]:
    """Say the line with what is wrong in it."""
    try:
        yield
    except BadLookupError as error:
        raise BadLookupError(error.parameter, f"line {number}: {error.message}") from error


def _lookup(route: Route, asked: Asked, tenant: str) -> Lookup:
    return make_lookup(
        route,
        asked.q,
        keyword=asked.keyword,
        language=asked.lang,
        params=asked.params,
        tenant=tenant,
        context=asked.context,
    )
