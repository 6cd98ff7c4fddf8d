"""Routes that tell operators how it goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from msgspec import Meta

from gateway.web.openapi import figures
from gateway.web.openapi.operation import EVENTS, HTML, JSON, Described, Operation, Parameter, Reply
from gateway.web.parameters import MAX_LIMIT

TAG = "Operations"
PAGES = "Pages"
_EVENT_ID = Annotated[str, Meta(pattern=r"^[0-9]{1,15}-[0-9]{1,10}$")]


def _page(summary: str, told: str, media: str = HTML, kind: Any = None) -> Operation:
    return Operation(
        PAGES,
        summary,
        {
            200: Reply(told, kind, media, ("ETag",)),
            304: Reply("The client has it already", media="", headers=("ETag",)),
        },
        fails=frozenset({406}),
    )


OPERATORS: Described = {
    ("GET", "/v1/stats"): Operation(
        TAG,
        "See how it goes",
        {200: Reply("Counts of this process since its start, and today's money", figures.Stats)},
        parameters=(
            Parameter(
                "popular", "So many of what is asked most", Annotated[int, Meta(ge=1, le=MAX_LIMIT)]
            ),
        ),
        fails=frozenset({400, 503}),
    ),
    ("GET", "/v1/stats/stream"): Operation(
        TAG,
        "Watch how it goes",
        {200: Reply("An event `stats` each second, as `GET /v1/stats` tells it", media=EVENTS)},
    ),
    ("GET", "/metrics"): Operation(
        TAG,
        "Scrape the metrics",
        {
            200: Reply(
                "Prometheus' text, or OpenMetrics where that is asked for", media="text/plain"
            )
        },
    ),
    ("POST", "/v1/debug/profile"): Operation(
        TAG,
        "Make a profile",
        {200: Reply("Collapsed stacks, as flame graphs are drawn from", media="text/plain")},
        parameters=(Parameter("seconds", "How long to look", Annotated[float, Meta(gt=0, le=60)]),),
    ),
    ("GET", "/v1/events"): Operation(
        TAG,
        "Hear what happens",
        {200: Reply("Events, each with an id to read on from", media=EVENTS)},
        parameters=(
            Parameter("after", "The id of the last event that was read", _EVENT_ID),
            Parameter("Last-Event-ID", "The same, as browsers send it", _EVENT_ID, place="header"),
        ),
        fails=frozenset({400, 503}),
    ),
    ("GET", "/v1/audit"): Operation(
        TAG,
        "See who changed what",
        {200: Reply("The newest first", figures.Audit)},
        parameters=(
            Parameter("limit", "At most so many", Annotated[int, Meta(ge=1, le=MAX_LIMIT)]),
        ),
        fails=frozenset({400, 503}),
    ),
    ("GET", "/healthz"): Operation(
        TAG, "Is it alive", {200: Reply("The process answers", figures.Alive)}
    ),
    ("GET", "/readyz"): Operation(
        TAG,
        "Is it ready",
        {
            200: Reply("Lookups can be answered, also without the database", figures.Ready),
            503: Reply("Memory is being filled", figures.Ready),
        },
    ),
    ("GET", "/openapi.json"): _page(
        "This description", "OpenAPI 3.1, with the sources that the caller may ask", JSON, dict
    ),
    ("GET", "/docs"): _page("A page to read and try the routes", "The page"),
    ("GET", "/dashboard"): _page(
        "A page that shows how it goes",
        "The page; it follows `GET /v1/stats/stream` with the key that it is given",
    ),
    ("GET", "/pages/{name}"): replace(
        _page("What the pages are made of", "A script, a style sheet or a picture", "*/*"),
        parameters=(Parameter("name", "Of the file", required=True, place="path"),),
        fails=frozenset({404, 406}),
    ),
}
