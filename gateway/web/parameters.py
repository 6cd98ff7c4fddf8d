"""From the query string of a search to what is asked; every fault names its parameter."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import msgspec
from multidict import MultiMapping

from gateway.lookup import MAX_QUERY, Lookup, make_lookup
from gateway.parameters import BadLookupError
from gateway.route import Route
from gateway.web.problems import bad_parameter, nearest, unknown_source

RESERVED = ("source", "q", "keyword", "lang", "fields", "limit", "summary", "context")
"""The parameters of every search; a source declares its others."""
MAX_LIMIT = 1000
MAX_FIELDS = 100


class Search(msgspec.Struct, frozen=True):
    """A search as asked: the lookup, and how its answer is to be shown."""

    route: Route
    lookup: Lookup
    fields: tuple[str, ...] | None
    """Which fields of each record to return; None: all."""
    limit: int | None
    """At most so many items; None: all that are there."""
    summary: bool
    """Whether the caller waits for a summary."""

    @property
    def view(self) -> str:
        """Name what this search leaves out of the full answer; empty: nothing."""
        if self.fields is None and self.limit is None and self.summary:
            return ""
        return f"{','.join(self.fields or ())}:{self.limit}:{self.summary}"


class Asker(NamedTuple):
    """Under whose name a search goes, and which sources it may be of."""

    tenant: str
    routes: Mapping[str, Route]


def read_search(query: MultiMapping[str], asker: Asker) -> Search:
    """Return the search that *query* asks for; raise `ProblemError` on any fault."""
    return search_of(read_single(query), asker)


def search_of(given: Mapping[str, str], asker: Asker) -> Search:
    """Return the search that the parameters *given* ask for; raise `ProblemError` on any fault."""
    routes = asker.routes
    route = read_route(given.get("source"), routes)
    _refuse_unknown(given, route)
    text = given.get("q", "")
    if len(text) > MAX_QUERY:
        raise bad_parameter("q", f"at most {MAX_QUERY} characters, not {len(text)}")
    try:
        lookup = make_lookup(
            route,
            text,
            keyword=given.get("keyword", ""),
            language=given.get("lang", ""),
            params={name: value for name, value in given.items() if name not in RESERVED},
            tenant=asker.tenant,
            context=given.get("context", ""),
        )
    except BadLookupError as error:
        raise bad_parameter(error.parameter, error.message) from error
    return Search(
        route,
        lookup,
        _fields(given.get("fields"), route.fields),
        read_limit(given.get("limit")),
        _summary(given.get("summary", "wait")),
    )


def read_single(query: MultiMapping[str]) -> dict[str, str]:
    """Return the parameters, each given once and in UTF-8; raise `ProblemError`."""
    given: dict[str, str] = {}
    for name, value in query.items():
        if name in given:
            raise bad_parameter(name, "given more than once")
        given[name] = _text(name, value)
    return given


def read_members(members: Mapping[str, object]) -> dict[str, str]:
    """Return the parameters that a JSON object gives; raise `ProblemError`.

    Numbers stand for their digits, a list of names (``fields``) for the names with commas, and
    null for a parameter that is not given; an object of classes (``context``) for its members.
    """
    return {
        name: _text(name, _written(name, value))
        for name, value in members.items()
        if value is not None
    }


def _written(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if name == "fields" and isinstance(value, list):
        return ",".join(_written("fields", each) for each in value)
    if name == "context" and isinstance(value, dict):
        members = ((each, _written(f"context {each}", of)) for each, of in value.items())
        return ",".join(map(":".join, members))
    raise bad_parameter(name, "a text or a number is wanted")


def _text(name: str, value: str) -> str:
    # What is no UTF-8 has been decoded to U+FFFD; it would be kept as another query.
    if "\ufffd" in value or "\ufffd" in name:
        raise bad_parameter(name, "not UTF-8")
    return value


def read_route(name: str | None, routes: Mapping[str, Route]) -> Route:
    """Return the route that ``source`` names; raise `ProblemError` when none does."""
    if not name:
        raise bad_parameter("source", "the source is missing; GET /v1/sources lists them")
    route = routes.get(name)
    if route is None:
        raise unknown_source(name, routes)
    return route


def _refuse_unknown(given: Mapping[str, str], route: Route) -> None:
    for name in given:
        if name not in RESERVED and name not in route.params:
            raise bad_parameter(
                name,
                f"{route.name} does not take this parameter",
                nearest=nearest(name, (*RESERVED, *route.params)),
            )


def _fields(text: str | None, declared: Collection[str]) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = dict.fromkeys(name.strip() for name in text.split(","))
    if not all(names):
        raise bad_parameter("fields", "comma-separated names of record fields are wanted")
    if len(names) > MAX_FIELDS:
        raise bad_parameter("fields", f"at most {MAX_FIELDS} names, not {len(names)}")
    unknown = [name for name in names if declared and name != "id" and name not in declared]
    if unknown:
        raise bad_parameter(
            "fields",
            f"no record has the field {unknown[0]!r}",
            nearest=nearest(unknown[0], ("id", *declared)),
        )
    # An item without its id is nobody's: it always has it. The order asked is no other answer.
    return tuple(sorted({"id", *names}))


def read_limit(text: str | None, name: str = "limit") -> int | None:
    """Return how many are wanted at most, None when that is not said; raise `ProblemError`."""
    if text is None:
        return None
    # ASCII digits only: int() also takes "+1", "1_0" and other scripts' digits.
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= MAX_LIMIT):
        raise bad_parameter(name, f"a whole number from 1 to {MAX_LIMIT} is wanted")
    return int(text)


def _summary(text: str) -> bool:
    if text not in ("wait", "none"):
        raise bad_parameter(
            "summary", "wait or none is wanted", nearest=nearest(text, ("wait", "none"))
        )
    return text == "wait"
