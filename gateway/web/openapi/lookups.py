"""Routes that look something up."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from adapters.errors import CONSEQUENCES
from gateway.lookup import MAX_QUERY
from gateway.web.openapi import answers, bodies
from gateway.web.openapi.headers import ANSWER
from gateway.web.openapi.operation import EVENTS, Described, Operation, Parameter, Reply
from gateway.web.parameters import MAX_LIMIT

TAG = "Lookups"
UPSTREAM = frozenset(consequence.status for consequence in CONSEQUENCES.values())
"""What the failures of upstreams become."""
_LIMIT = Parameter("limit", "At most so many items", Annotated[int, Meta(ge=1, le=MAX_LIMIT)])
_SESSION = Parameter(
    "X-Session",
    "Whose lookup it is, for sources whose summaries heed what came before",
    Annotated[str, Meta(pattern=r"^[A-Za-z0-9._~-]{1,128}$")],
    place="header",
)
SOURCE = Parameter("source", "The source; `GET /v1/sources` lists them", required=True)

SEARCH = (
    SOURCE,
    Parameter("q", "The query", Annotated[str, Meta(max_length=MAX_QUERY)]),
    Parameter("keyword", "The angle of the summary", Annotated[str, Meta(max_length=MAX_QUERY)]),
    Parameter("lang", "The summary's language; default: the source's", example="ko"),
    Parameter("fields", "Names of record fields to return, with commas"),
    _LIMIT,
    Parameter("summary", "Whether to wait for one; default: `wait`", Literal["wait", "none"]),
    Parameter("context", "For whom the summary is: `pregnancy:yes,age:child`"),
)

LOOKUPS: Described = {
    ("GET", "/v1/search"): Operation(
        TAG,
        "Look one thing up",
        {
            200: Reply(
                "The records and their summary; no match is `total: 0`",
                answers.Answer,
                headers=(*ANSWER, "Cache-Control", "Vary"),
            ),
            304: Reply("Nothing has changed since that `ETag`", media="", headers=ANSWER),
        },
        "From memory in microseconds, from Redis or the database in milliseconds, or from the "
        "upstream once, while everyone else who asks for the same waits for that one call. "
        "When the upstream is down, an older answer that says so in `degraded`.",
        (*SEARCH, _SESSION),
        sources=True,
        fails=UPSTREAM | {404, 406},
    ),
    ("GET", "/v1/search/stream"): Operation(
        TAG,
        "Look one thing up and see it come",
        {200: Reply("Events `records`, `summary.delta`, `summary`, `error`, `done`", media=EVENTS)},
        "The records as soon as they are there, then the summary as it is written. What fails "
        "after the beginning is an event `error`, with a problem for its data.",
        (*SEARCH, _SESSION),
        sources=True,
        fails=frozenset({400, 404}),
    ),
    ("POST", "/v1/search"): Operation(
        TAG,
        "Look many things up",
        {200: Reply("An answer or a problem for each, in their order", answers.Answers)},
        "Each is answered for itself; equal ones are looked up once.",
        body=bodies.Lookups,
        fails=frozenset({406}),
    ),
    ("GET", "/v1/suggest"): Operation(
        TAG,
        "Complete a name",
        {200: Reply("Kept names, the likeliest first", answers.Suggestions)},
        "Exact matches first, then those that begin with it, then the rest. No upstream is asked.",
        (
            SOURCE,
            Parameter(
                "q",
                "A part of a name; Korean initials (`ㅌㅇㄹ`) too",
                Annotated[str, Meta(min_length=1, max_length=MAX_QUERY)],
                required=True,
            ),
            _LIMIT,
        ),
        fails=frozenset({400, 404, 503}),
    ),
    ("GET", "/v1/sources"): Operation(
        TAG,
        "List what can be asked",
        {200: Reply("Every source that the caller may ask", answers.Sources)},
    ),
    ("DELETE", "/v1/sessions"): Operation(
        TAG,
        "Forget what a session looked up",
        {204: Reply("Forgotten, or never known", media="")},
        parameters=(
            Parameter(_SESSION.name, "The session", _SESSION.kind, required=True, place="header"),
        ),
        fails=frozenset({400, 503}),
    ),
}
