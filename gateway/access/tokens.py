"""Short-lived tokens: a backend's key mints them for its phones, which never see the key.

They are JWTs (RFC 7519) signed by the gateway with HS256 and checked for exactly that: ``alg`` is
pinned (RFC 8725 §3.1), and a token of another issuer or audience is none of ours.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import jwt

from gateway.access.identity import Identity, Scope, UnknownCallerError

ISSUER = "lookup-gateway"
LONGEST = 3600
"""Seconds that a token lives at most."""
_ALGORITHM = "HS256"
_CLAIMS = ("exp", "iat", "iss", "aud", "sub", "tenant", "scope", "parent", "jti")


class Tokens:
    """Mints and reads tokens; *secret* is the same in every replica."""

    def __init__(self, secret: str, clock: Callable[[], float]) -> None:
        self._secret = secret.encode()
        self._clock = clock

    def mint(self, identity: Identity, parent: str, seconds: int) -> str:
        """Return a token that stands for *identity* for *seconds*; *parent* is its key's id."""
        now = int(self._clock())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": ISSUER,
            "iat": now,
            "exp": now + min(seconds, LONGEST),
            "jti": secrets.token_hex(8),
            "sub": identity.name,
            "tenant": identity.tenant,
            "scope": " ".join(sorted(identity.scopes)),
            "parent": parent,
            "rate": identity.rate,
            "sources": None if identity.sources is None else sorted(identity.sources),
        }
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM)

    def read(self, token: str) -> tuple[Identity, str]:
        """Return who shows *token* and the id of its key; raise `UnknownCallerError`."""
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[_ALGORITHM],
                audience=ISSUER,
                issuer=ISSUER,
                options={"require": list(_CLAIMS), "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError as error:
            raise UnknownCallerError(f"the token is not valid: {error}") from error
        # By our own clock, which tests and replicas share; PyJWT asks the machine's.
        if self._clock() >= float(claims["exp"]):
            raise UnknownCallerError("the token has expired")
        sources = claims.get("sources")
        return Identity(
            tenant=str(claims["tenant"]),
            name=str(claims["sub"]),
            scopes=frozenset(Scope(scope) for scope in str(claims["scope"]).split()),
            sources=None if sources is None else frozenset(sources),
            rate=str(claims.get("rate", "")),
            until=float(claims["exp"]),
        ), str(claims["parent"])
