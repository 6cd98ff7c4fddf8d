"""Routes of batches and watches, with the types of what they take and give."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from gateway.web.openapi.bodies import Lookup
from gateway.web.openapi.operation import Described, Operation, Parameter, Reply

_BATCHES = "Batches"
_WATCHES = "Watches"
_FAILS = frozenset({404, 503})
_Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
_ID = (Parameter("id", "What it was given when it was made", required=True, place="path"),)


class BatchWanted(Struct, forbid_unknown_fields=True):
    """Lookups that are done behind callers."""

    lookups: Annotated[list[Lookup], Meta(min_length=1)]
    note: Annotated[str, Meta(max_length=200)] = ""
    patience: Annotated[
        str, Meta(description="From a day (`24h`) on, summaries may come later and cost less")
    ] = "0s"


class Batch(Struct):
    """How far a batch is."""

    id: str
    state: Literal["open", "done", "cancelled"]
    total: int
    waiting: int
    done: int
    failed: int
    note: str | None
    created: _Moment
    results: Annotated[str, Meta(description="Where the answers are")]


class WatchChange(Struct, forbid_unknown_fields=True):
    """What of a watch is to be another; null takes a text away."""

    lookup: Lookup | None = None
    schedule: Annotated[
        str | None, Meta(description="An interval (`15m`) or the five fields of cron")
    ] = None
    zone: Annotated[str | None, Meta(description="Whose time cron means: `Asia/Seoul`")] = None
    note: str | None = None
    category: str | None = None
    webhook: Annotated[
        str | None, Meta(description="Is called with each change; its host must be allowed")
    ] = None


class WatchWanted(Struct, forbid_unknown_fields=True):
    """A lookup that is to be repeated."""

    lookup: Lookup
    schedule: Annotated[str, Meta(description="An interval (`15m`) or the five fields of cron")]
    zone: str | None = None
    note: str | None = None
    category: str | None = None
    webhook: str | None = None


class Watch(Struct):
    """A lookup that is repeated, and what came of it last."""

    id: str
    lookup: dict[str, Any]
    schedule: str
    zone: str
    note: str | None
    category: str | None
    webhook: str | None
    created: _Moment
    due: _Moment
    checked: _Moment | None
    changed: _Moment | None
    error: Annotated[str | None, Meta(description="Why the last lookup failed")]


class WatchList(Struct):
    """Every watch of a tenant."""

    watches: list[Watch]


BULK: Described = {
    ("POST", "/v1/batches"): Operation(
        _BATCHES,
        "Ask for thousands of lookups",
        {202: Reply("They are kept and will be done", Batch)},
        "Also a JSON list of lookups, or one in each line (`application/jsonl`). Callers go first.",
        body=BatchWanted,
        fails=_FAILS,
    ),
    ("GET", "/v1/batches/{id}"): Operation(
        _BATCHES,
        "See how far a batch is",
        {200: Reply("Its counts", Batch)},
        parameters=_ID,
        fails=_FAILS,
    ),
    ("DELETE", "/v1/batches/{id}"): Operation(
        _BATCHES,
        "Cancel a batch",
        {204: Reply("No more of it is done; what is done stays", media="")},
        parameters=_ID,
        fails=_FAILS,
    ),
    ("GET", "/v1/batches/{id}/results"): Operation(
        _BATCHES,
        "Read the answers as they are done",
        {200: Reply("A line of JSON for each lookup", media="application/jsonl")},
        "Each line has the `number` of its lookup, its `place` in the order in which they were "
        "done, a `status`, and an `answer` or a `problem`. The answer is that which is kept now.",
        parameters=(
            *_ID,
            Parameter("after", "The place of the last line that was read", int),
            Parameter("wait", "`false`: end with what is done", Literal["true", "false"]),
        ),
        fails=_FAILS,
    ),
    ("POST", "/v1/watches"): Operation(
        _WATCHES,
        "Have a lookup repeated",
        {201: Reply("It is looked up now, and on its schedule", Watch)},
        "When its records change, `watch.changed` is told on the events and to the webhook.",
        body=WatchWanted,
        fails=_FAILS,
    ),
    ("GET", "/v1/watches"): Operation(
        _WATCHES,
        "List the tenant's watches",
        {200: Reply("The oldest first", WatchList)},
        fails=frozenset({503}),
    ),
    ("GET", "/v1/watches/{id}"): Operation(
        _WATCHES, "See a watch", {200: Reply("As it is", Watch)}, parameters=_ID, fails=_FAILS
    ),
    ("PATCH", "/v1/watches/{id}"): Operation(
        _WATCHES,
        "Change a watch",
        {200: Reply("As it is now", Watch)},
        "What the body leaves out stays (RFC 7396). Another lookup begins anew.",
        parameters=_ID,
        body=WatchChange,
        fails=_FAILS,
    ),
    ("DELETE", "/v1/watches/{id}"): Operation(
        _WATCHES,
        "Delete a watch",
        {204: Reply("With the calls that it still had to make", media="")},
        parameters=_ID,
        fails=_FAILS,
    ),
}
