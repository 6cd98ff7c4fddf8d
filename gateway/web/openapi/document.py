"""The description as OpenAPI 3.1: made from what the routes, their types and their doors say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from gateway import VERSION
from gateway.route import Route
from gateway.web.admission import ANYBODY, KNOWN, SCOPES
from gateway.web.openapi.answers import Answered, Problem, Unanswered
from gateway.web.openapi.bulk import BULK
from gateway.web.openapi.changes import CHANGES
from gateway.web.openapi.declared import declared
from gateway.web.openapi.headers import HEADERS
from gateway.web.openapi.lookups import LOOKUPS
from gateway.web.openapi.operation import JSON, Described, Operation, Parameter, Reply
from gateway.web.openapi.operators import OPERATORS
from gateway.web.problems import MEDIA_TYPE

DESCRIBED: Described = {**LOOKUPS, **BULK, **CHANGES, **OPERATORS}
"""Every route."""
ANY_REQUEST = frozenset({400, 414, 431})
"""What a request gets that is none, or whose target or head is too long, wherever it goes."""
ANY_BODY = frozenset({400, 413, 415})
_SCHEMA = "#/components/schemas/"
_LIMITED = "/v1/"
_ABOUT = """\
Every error is a problem (RFC 9457). `HEAD` is answered wherever `GET` is, without the body.
Any request may also meet a `500`: a fault of the gateway, whose log has the reason under the
answer's `X-Request-Id`."""
_REASONS: Mapping[int, str] = {
    400: "A parameter, the body or the request itself is wrong",
    401: "Nothing valid shows who asks",
    403: "Whoever asks may not",
    404: "There is nothing by this name",
    406: "No coding of the answer is acceptable",
    413: "The body is too large",
    414: "The target is too long",
    415: "The body is coded",
    429: "The client has asked too often",
    431: "The head is too large",
    502: "The upstream's answer is unusable, or it refused our credentials",
    503: "What is needed does not answer, is resting, or has too much to do",
    504: "The upstream was too slow",
}
_OF_PROBLEM = {
    401: ("WWW-Authenticate",),
    403: ("WWW-Authenticate",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}


def document(routes: Mapping[str, Route], *, anyone: bool) -> dict[str, Any]:
    """Return the description for who may ask the sources of *routes*.

    *anyone*: the gateway lets in who shows nothing.
    """
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), operation in DESCRIBED.items():
        told = _operation(method, path, operation, routes)
        if path not in ANYBODY:
            told["security"] = [{"bearer": _scopes(method, path)}, *([{}] if anyone else [])]
        paths.setdefault(path, {})[method.lower()] = told
    _, schemas = msgspec.json.schema_components(_types(), ref_template=_SCHEMA + "{name}")
    return {
        "openapi": "3.1.0",
        "info": {"title": "Lookup Gateway", "version": VERSION, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in DESCRIBED.values())],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "headers": dict(HEADERS),
            "responses": {str(status): _problem(status) for status in _REASONS},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, a short-lived token, or a JWT of an accepted "
                    "issuer. Each route names the scope that it needs.",
                }
            },
        },
    }


def statuses(method: str, path: str) -> frozenset[int]:
    """Return every status that the route is described to answer with."""
    operation = DESCRIBED[method, path]
    return frozenset(operation.replies) | _failures(method, path, operation)


def _failures(method: str, path: str, operation: Operation) -> frozenset[int]:
    found = operation.fails | ANY_REQUEST
    if operation.body is not None:
        found |= ANY_BODY
    if path not in ANYBODY:
        found |= {401} if path in KNOWN else {401, 403}
    return found | {429} if path.startswith(_LIMITED) else found


def _scopes(method: str, path: str) -> list[str]:
    return [] if path in KNOWN else [SCOPES[path][method].value]


def _operation(
    method: str, path: str, operation: Operation, routes: Mapping[str, Route]
) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": "_".join(re.findall(r"[a-z0-9]+", f"{method} {path}".lower())),
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": list(_parameters(operation, routes)),
        "responses": {
            **{str(status): _reply(path, reply) for status, reply in operation.replies.items()},
            **{
                str(status): {"$ref": f"#/components/responses/{status}"}
                for status in sorted(_failures(method, path, operation))
                if status not in operation.replies
            },
        },
    }
    if operation.description:
        told["description"] = operation.description
    if operation.body is not None:
        content = {JSON: {"schema": _reference(operation.body)}}
        told["requestBody"] = {"required": operation.body_required, "content": content}
    return told


def _parameters(operation: Operation, routes: Mapping[str, Route]) -> Iterator[dict[str, Any]]:
    for each in operation.parameters:
        told = _parameter(each)
        if each.name == "source" and routes:
            told["schema"]["enum"] = sorted(routes)
        yield told
    if operation.sources:
        yield from declared(routes)


def _parameter(parameter: Parameter) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "description": parameter.description,
        "schema": msgspec.json.schema(parameter.kind),
    }
    if parameter.example is not None:
        told["example"] = parameter.example
    return told


def _reply(path: str, reply: Reply) -> dict[str, Any]:
    limited = ("RateLimit", "RateLimit-Policy") if path.startswith(_LIMITED) else ()
    told: dict[str, Any] = {
        "description": reply.description,
        "headers": _headers("X-Request-Id", *reply.headers, *limited),
    }
    if reply.media:
        body = {} if reply.kind is None else {"schema": _reference(reply.kind)}
        told["content"] = {reply.media: body}
    return told


def _problem(status: int) -> dict[str, Any]:
    return {
        "description": f"{HTTPStatus(status).phrase}: {_REASONS[status]}",
        "headers": _headers("X-Request-Id", *_OF_PROBLEM.get(status, ())),
        "content": {MEDIA_TYPE: {"schema": _reference(Problem)}},
    }


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _reference(kind: Any) -> dict[str, Any]:
    return {"type": "object"} if kind is dict else {"$ref": _SCHEMA + kind.__name__}


def _types() -> list[Any]:
    """Return the types of all bodies, each once."""
    bodies = (operation.body for operation in DESCRIBED.values())
    replies = (reply.kind for each in DESCRIBED.values() for reply in each.replies.values())
    # A list's members are told by hand where they are of two kinds.
    found = (Problem, Answered, Unanswered, *bodies, *replies)
    return list(dict.fromkeys(kind for kind in found if kind not in (None, dict)))
