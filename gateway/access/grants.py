"""What a backend's key may hand on to its phones: a token for minutes, and one to renew it with.

A refresh token is used once (RFC 9700 §4.14.2): each use brings the next. One that is shown again
was stolen, or its thief was quicker: its whole family ends.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import orjson

from gateway.access.identity import ForbiddenError, Identity, Scope, UnknownCallerError
from gateway.access.keyring import KeyRing
from gateway.access.keys import digest
from gateway.access.tokens import LONGEST, Tokens
from storage.access import RefreshRow

REFRESH_DAYS = 30
_DAY = 86_400
_KEY = "key:"
HANDED_ON = frozenset({Scope.SEARCH, Scope.SUGGEST, Scope.STREAM, Scope.BATCH})
"""What a phone can be given; to withdraw and to look behind the counter is for backends."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a token is to allow; what is left out is as the key has it."""

    seconds: int = 600
    scopes: frozenset[Scope] | None = None
    sources: frozenset[str] | None = None
    rate: str = ""
    subject: str = ""
    """The backend's own name for the phone or user, for limits and logs."""
    refresh: bool = False


@dataclass(frozen=True, slots=True)
class Granted:
    """A token, and one to renew it with where that was wanted."""

    token: str
    seconds: int
    refresh_token: str | None
    identity: Identity


class Refreshes(Protocol):
    """The table of refresh tokens; every method raises `TierError`."""

    async def add(self, token: RefreshRow) -> None:
        """Keep a new token."""

    async def use(self, number: str) -> tuple[RefreshRow, bool] | None:
        """Use a token: return it, and whether this was the first time."""

    async def end(self, family: str) -> None:
        """Forget every token of *family*."""


class Grants:
    """Mints and renews tokens."""

    def __init__(
        self, tokens: Tokens, refreshes: Refreshes, keys: KeyRing, clock: Callable[[], float]
    ) -> None:
        self._tokens = tokens
        self._refreshes = refreshes
        self._keys = keys
        self._clock = clock

    async def mint(self, identity: Identity, wanted: Wanted) -> Granted:
        """Return a token for what *wanted* is of what *identity* may; raise `ForbiddenError`."""
        if not identity.name.startswith(_KEY):
            raise ForbiddenError("only an API key mints tokens")
        parent = identity.name.removeprefix(_KEY)
        narrowed = _narrowed(identity, wanted, parent)
        family = secrets.token_hex(8) if wanted.refresh else ""
        return await self._granted(narrowed, parent, min(wanted.seconds, LONGEST), family)

    async def renew(self, refresh_token: str) -> Granted:
        """Return the next token of a family; raise `UnknownCallerError`."""
        used = await self._refreshes.use(digest(refresh_token))
        if used is None:
            raise UnknownCallerError("the refresh token is unknown or its family has ended")
        row, first = used
        if not first:
            await self._refreshes.end(row.family)
            raise UnknownCallerError("the refresh token was used before: its family has ended")
        if self._clock() >= row.expires or not await self._keys.find(row.parent):
            await self._refreshes.end(row.family)
            raise UnknownCallerError("the refresh token has expired, or its key was revoked")
        grants = orjson.loads(row.grants)
        return await self._granted(_restored(grants), row.parent, grants["seconds"], row.family)

    async def _granted(self, identity: Identity, parent: str, seconds: int, family: str) -> Granted:
        refresh_token = None
        if family:
            refresh_token = secrets.token_urlsafe(32)
            expires = self._clock() + REFRESH_DAYS * _DAY
            grants = orjson.dumps(_kept(identity, seconds)).decode()
            row = RefreshRow(digest(refresh_token), family, parent, grants, expires)
            await self._refreshes.add(row)
        token = self._tokens.mint(identity, parent, seconds)
        return Granted(token, seconds, refresh_token, identity)


def _narrowed(identity: Identity, wanted: Wanted, parent: str) -> Identity:
    """Return who shows the token; it may nothing that its key may not."""
    scopes = identity.scopes & HANDED_ON if wanted.scopes is None else wanted.scopes
    beyond = scopes - (identity.scopes & HANDED_ON)
    if beyond:
        raise ForbiddenError(f"the key cannot hand on {', '.join(sorted(beyond))}")
    sources = identity.sources if wanted.sources is None else wanted.sources
    if identity.sources is not None and sources is not None and sources - identity.sources:
        strangers = ", ".join(sorted(sources - identity.sources))
        raise ForbiddenError(f"the key is not for {strangers}")
    name = f"token:{parent}:{wanted.subject}" if wanted.subject else f"token:{parent}"
    rate = wanted.rate or identity.rate
    return replace(identity, name=name, scopes=scopes, sources=sources, rate=rate)


def _kept(identity: Identity, seconds: int) -> Mapping[str, Any]:
    return {
        "tenant": identity.tenant,
        "name": identity.name,
        "scopes": sorted(identity.scopes),
        "sources": None if identity.sources is None else sorted(identity.sources),
        "rate": identity.rate,
        "seconds": seconds,
    }


def _restored(grants: Mapping[str, Any]) -> Identity:
    sources = grants["sources"]
    return Identity(
        tenant=grants["tenant"],
        name=grants["name"],
        scopes=frozenset(Scope(name) for name in grants["scopes"]),
        sources=None if sources is None else frozenset(sources),
        rate=grants["rate"],
    )
