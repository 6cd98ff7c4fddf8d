"""``POST /v1/tokens`` and ``/v1/tokens/refresh``: short-lived tokens for phones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web
from aiohttp.web_request import Request

from gateway.access.grants import Granted, Grants, Wanted
from gateway.access.identity import ForbiddenError, Scope, UnknownCallerError
from gateway.access.tokens import LONGEST
from gateway.events import Audited
from gateway.rates import parse_rate
from gateway.web.admission import asker, forbidden
from gateway.web.bodies import read_object
from gateway.web.keys import GATEWAY, IDENTITY
from gateway.web.problems import ProblemError, bad_body

_SUBJECT = re.compile(r"[A-Za-z0-9._~@-]{1,64}")
_MEMBERS = ("seconds", "scopes", "sources", "rate", "subject", "refresh")


async def mint(request: Request) -> web.Response:
    """Give a backend's key a token for its phones; raise `ProblemError`."""
    grants, identity = _grants(request), request[IDENTITY]
    wanted = _wanted(await read_object(request), frozenset(asker(request).routes))
    try:
        granted = await grants.mint(identity, wanted)
    except ForbiddenError as error:
        raise forbidden(str(error), error.scope) from error
    gateway = request.app[GATEWAY]
    gateway.events.emit(
        Audited(identity.tenant, identity.name, "token.minted", granted.identity.name)
    )
    return _response(granted)


async def renew(request: Request) -> web.Response:
    """Exchange a refresh token for the next pair; raise `ProblemError`."""
    grants, body = _grants(request), await read_object(request)
    token = body.get("refresh_token")
    if not isinstance(token, str) or not token or set(body) != {"refresh_token"}:
        raise bad_body("/refresh_token", "the refresh token is wanted, and nothing else")
    try:
        return _response(await grants.renew(token))
    except UnknownCallerError as error:
        raise ProblemError(401, str(error), kind="unknown-caller") from error


def _grants(request: Request) -> Grants:
    grants = request.app[GATEWAY].access.grants
    if grants is None:
        raise ProblemError(
            404,
            "no tokens are minted here: access is open, or access.token_secret is not set",
            kind="no-tokens",
        )
    return grants


def _response(granted: Granted) -> web.Response:
    body = {
        "token": granted.token,
        "token_type": "Bearer",
        "expires_in": granted.seconds,
        "tenant": granted.identity.tenant,
        "scopes": sorted(granted.identity.scopes),
    }
    if granted.refresh_token is not None:
        body["refresh_token"] = granted.refresh_token
    # RFC 6749 §5.1: no cache keeps it.
    return web.Response(
        body=orjson.dumps(body),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def _wanted(body: Mapping[str, Any], sources: frozenset[str]) -> Wanted:
    for name in body:
        if name not in _MEMBERS:
            raise bad_body(f"/{name}", f"one of {', '.join(_MEMBERS)} is wanted")
    seconds, rate, subject = body.get("seconds", 600), body.get("rate", ""), body.get("subject", "")
    if type(seconds) is not int or not 1 <= seconds <= LONGEST:
        raise bad_body("/seconds", f"a whole number from 1 to {LONGEST} is wanted")
    _check_rate(rate)
    if not isinstance(subject, str) or (subject and not _SUBJECT.fullmatch(subject)):
        raise bad_body("/subject", "1 to 64 letters, digits and . _ ~ @ - are wanted")
    if not isinstance(body.get("refresh", False), bool):
        raise bad_body("/refresh", "true or false is wanted")
    scopes = _names(body, "scopes", frozenset(scope.value for scope in Scope))
    return Wanted(
        seconds=seconds,
        scopes=None if scopes is None else frozenset(Scope(name) for name in scopes),
        sources=_names(body, "sources", sources),
        rate=rate,
        subject=subject,
        refresh=body.get("refresh", False),
    )


def _check_rate(rate: object) -> None:
    if not isinstance(rate, str):
        raise bad_body("/rate", "a rate such as 60/min is wanted")
    if rate:
        try:
            parse_rate(rate)
        except ValueError as error:
            raise bad_body("/rate", str(error)) from error


def _names(body: Mapping[str, Any], member: str, known: frozenset[str]) -> frozenset[str] | None:
    given = body.get(member)
    if given is None:
        return None
    if not isinstance(given, list) or not given:
        raise bad_body(f"/{member}", "a list of names is wanted")
    for place, name in enumerate(given):
        if not isinstance(name, str) or name not in known:
            raise bad_body(f"/{member}/{place}", f"one of {', '.join(sorted(known))} is wanted")
    return frozenset(given)
