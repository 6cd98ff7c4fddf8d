"""Who asks: what every way of proving it comes down to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from gateway.lookup import SHARED_TENANT


class Scope(StrEnum):
    """What somebody may do."""

    SEARCH = "search"
    SUGGEST = "suggest"
    STREAM = "stream"
    BATCH = "batch"
    INVALIDATE = "invalidate"
    STATS = "stats"
    ADMIN = "admin"


EVERYTHING = frozenset(Scope)
READING = frozenset({Scope.SEARCH, Scope.SUGGEST, Scope.STREAM})
"""What an app needs, and nothing else."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who has proven who they are."""

    tenant: str
    """Under whose name everything goes that they cause."""
    name: str
    """Of the key, or the subject of the token: for limits, logs and the audit; never a secret."""
    scopes: frozenset[Scope]
    sources: frozenset[str] | None = None
    """None: all."""
    rate: str = ""
    """``60/min``; empty: what the configuration says for everyone."""
    until: float = math.inf
    """Unix seconds after which it proves nothing."""

    def may(self, scope: Scope, source: str | None = None) -> bool:
        """Whether they may do *scope*, and with *source*."""
        return scope in self.scopes and (
            source is None or self.sources is None or source in self.sources
        )


class Proof(msgspec.Struct, eq=False):
    """That somebody has proven who they are; whoever holds it sees it end."""

    identity: Identity
    until: float
    """Unix seconds from which on it holds no more; sooner than was said if a key is revoked."""


ANYONE = Identity(SHARED_TENANT, "anyone", EVERYTHING)
"""Everybody, where access is open."""
FOR_ANYONE = Proof(ANYONE, math.inf)


class AccessError(Exception):
    """Somebody is not let in; the message says why and holds no secret."""


class UnknownCallerError(AccessError):
    """Nothing, or nothing valid, was shown (RFC 9110 §15.5.2: 401)."""


class ForbiddenError(AccessError):
    """They are known, and may not (RFC 9110 §15.5.4: 403)."""

    def __init__(self, message: str, scope: Scope | None = None) -> None:
        super().__init__(message)
        self.scope = scope
