"""Errors as problem details (RFC 9457): one shape for whatever goes wrong."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import web

from adapters.errors import UpstreamError

MEDIA_TYPE = "application/problem+json"
BLANK = "about:blank"
"""The type of a problem that says no more than its status does (RFC 9457 §4.2.1)."""
_TYPES = "urn:problem-type:lookup-gateway:"
SUGGESTIONS = 3
"""At most so many near names are offered."""


class ProblemError(Exception):
    """A request that gets a problem for an answer.

    *kind* names the type; empty: the status says it all. *members* stand in the body beside
    the standard ones; those that are None do not.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str = "",
        title: str = "",
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.type = _TYPES + kind if kind else BLANK
        self.title = title or HTTPStatus(status).phrase
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = {name: value for name, value in (members or {}).items() if value is not None}

    def body(self, instance: str) -> bytes:
        """Return the JSON of the problem; *instance* is what was asked, without its query."""
        body: dict[str, Any] = {
            "type": self.type,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            **self.members,
        }
        return orjson.dumps(body)

    def response(self, instance: str) -> web.Response:
        """Return the response; *instance* is the path that was asked, without its query."""
        # A problem belongs to its moment: nobody on the way may keep it.
        headers = {"Cache-Control": "no-store", **self.headers}
        return web.Response(
            status=self.status,
            body=self.body(instance),
            content_type=MEDIA_TYPE,
            headers=headers,
        )


def bad_parameter(parameter: str, detail: str, **members: object) -> ProblemError:
    """Return the 400 of a fault in *parameter*."""
    return ProblemError(
        400,
        f"{parameter}: {detail}",
        kind="bad-parameter",
        title="A parameter is wrong",
        members={"parameter": parameter, **members},
    )


def bad_body(pointer: str, detail: str) -> ProblemError:
    """Return the 400 of a body that is not what is wanted at *pointer* (RFC 6901)."""
    return ProblemError(
        400,
        f"{pointer or 'the body'}: {detail}",
        kind="bad-body",
        title="The body is wrong",
        members={"pointer": pointer},
    )


def unknown_source(name: str, known: Iterable[str]) -> ProblemError:
    """Return the 404 of a source that is not configured; it offers the nearest names."""
    near = nearest(name, known)
    detail = f"there is no source {name!r}"
    return ProblemError(
        404,
        detail
        + (f"; did you mean {' or '.join(near)}?" if near else "; GET /v1/sources lists them"),
        kind="unknown-source",
        title="The source is unknown",
        members={"source": name, "nearest": near},
    )


def upstream_failed(error: UpstreamError, source: str) -> ProblemError:
    """Return the problem of a lookup that nothing could answer (`adapters.errors`)."""
    consequence = error.kind.consequence
    # RFC 9110 §10.2.3: Retry-After is whole seconds; never earlier than what is known.
    wait = None if error.retry_after is None else max(1, math.ceil(error.retry_after))
    return ProblemError(
        consequence.status,
        error.message,
        kind=error.kind.value.replace("_", "-"),
        title=consequence.title,
        headers={} if wait is None else {"Retry-After": str(wait)},
        members={"source": source, "retry_after": wait},
    )


def from_http(error: web.HTTPException) -> ProblemError:
    """Return what aiohttp's own *error* says, as a problem."""
    kept = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
    return ProblemError(error.status, _DETAILS.get(error.status, error.reason), headers=kept)


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Return the names among *known* that *name* may have been meant for, the best first."""
    return difflib.get_close_matches(name, list(known), n=SUGGESTIONS, cutoff=0.5)


_DETAILS = {
    404: "there is nothing at this path",
    405: "this path does not take this method",
    413: "the body is too large",
}
