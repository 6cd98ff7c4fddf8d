"""JWTs of an identity provider, checked against the keys that it publishes (RFC 7517, RFC 8725)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import jwt

from gateway.access.identity import Identity, UnknownCallerError
from gateway.access.spec import IssuerSpec

REFETCH = 30.0
"""Seconds between two fetches for an unknown key: a flood of made-up ``kid``s is one."""

Fetch = Callable[[str], Awaitable[Mapping[str, Any]]]
"""Gets the JSON object at a URL; raises `OSError` or `ValueError` when it cannot be had."""


class Issuer:
    """One identity provider; its keys are kept for a while and fetched anew for a new ``kid``."""

    def __init__(self, spec: IssuerSpec, fetch: Fetch, clock: Callable[[], float]) -> None:
        self.spec = spec
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = -REFETCH
        self._lock = asyncio.Lock()

    async def read(self, token: str) -> Identity:
        """Return who shows *token*; raise `UnknownCallerError`."""
        try:
            header = jwt.get_unverified_header(token)
        except jwt.InvalidTokenError as error:
            raise UnknownCallerError("the token is not a JWT") from error
        # Pinned (RFC 8725 §3.1): neither "none" nor an HMAC keyed with a public key gets past.
        if header.get("alg") not in self.spec.algorithms:
            raise UnknownCallerError("the token is signed in a way that is not accepted")
        key = await self._key(str(header.get("kid", "")))
        return self._identity(self._claims(token, key))

    def _claims(self, token: str, key: jwt.PyJWK) -> Mapping[str, Any]:
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key,
                algorithms=list(self.spec.algorithms),
                audience=list(self.spec.audience),
                issuer=self.spec.issuer,
                options={
                    "require": ["exp", "iss", "aud", "sub"],
                    # Below, by our own clock, which tests and replicas share.
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except jwt.InvalidTokenError as error:
            raise UnknownCallerError(f"the token is not valid: {error}") from error
        now, leeway = self._clock(), self.spec.leeway
        try:
            expires, begins = float(claims["exp"]), float(claims.get("nbf", 0))
        except (TypeError, ValueError) as error:
            raise UnknownCallerError("the token's times are no numbers") from error
        if now >= expires + leeway:
            raise UnknownCallerError("the token has expired")
        if now < begins - leeway:
            raise UnknownCallerError("the token is not valid yet")
        return claims

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        spec = self.spec
        tenant = str(claims.get(spec.tenant_claim, "")) if spec.tenant_claim else spec.tenant
        if not tenant or not tenant.replace("-", "").replace("_", "").isalnum():
            raise UnknownCallerError("the token names no tenant")
        scopes = frozenset(spec.scopes)
        if spec.scopes_from_token:
            granted = str(claims.get("scope", "")).split()
            scopes = frozenset(scope for scope in spec.scopes if scope.value in granted)
        return Identity(
            tenant=tenant,
            name=f"jwt:{claims['sub']}",
            scopes=scopes,
            rate=spec.rate,
            until=float(claims["exp"]) + spec.leeway,
        )

    async def _key(self, kid: str) -> jwt.PyJWK:
        async with self._lock:
            age = self._clock() - self._fetched
            if age >= self.spec.refresh or (kid not in self._keys and age >= REFETCH):
                await self._refetch()
        if kid in self._keys:
            return self._keys[kid]
        if not kid and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        raise UnknownCallerError("the token is signed with a key that its issuer does not publish")

    async def _refetch(self) -> None:
        self._fetched = self._clock()
        try:
            published = await self._fetch(self.spec.jwks_url)
            self._keys = dict(_usable(published))
        except (OSError, ValueError, jwt.PyJWTError) as error:
            # What was published before goes on to hold; without any nobody can be let in.
            if not self._keys:
                raise UnknownCallerError("the issuer's keys cannot be had") from error


def _usable(published: Mapping[str, Any]) -> list[tuple[str, jwt.PyJWK]]:
    """Return the signing keys by id; a symmetric one that somebody published is no key at all."""
    found = []
    for data in published.get("keys", ()):
        if data.get("kty") == "oct" or data.get("use", "sig") != "sig":
            continue
        try:
            found.append((str(data.get("kid", "")), jwt.PyJWK(data)))
        except jwt.PyJWTError:
            continue  # a kind of key that we cannot check anything with
    return found
