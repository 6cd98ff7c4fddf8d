"""From what a request shows to who asks. What was proven once is remembered while it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import jwt

from gateway.access.identity import ANYONE, FOR_ANYONE, Identity, Proof, UnknownCallerError
from gateway.access.jwks import Issuer
from gateway.access.keyring import KeyRing
from gateway.access.keys import split
from gateway.access.tokens import ISSUER, Tokens

_REMEMBERED = 20_000


class Authenticator(Protocol):
    """Tells who asks."""

    open: bool
    """Whether who shows nothing is let in as well."""

    def known(self, credential: str) -> Proof | None:
        """Return what is known of who shows *credential*, if that holds now; at once."""

    async def identify(self, credential: str) -> Identity:
        """Return who shows *credential*, empty for none; raise `UnknownCallerError`."""


class Open:
    """Everybody is let in: a desk."""

    open = True

    def known(self, credential: str) -> Proof | None:
        """Return anyone's."""
        del credential
        return FOR_ANYONE

    async def identify(self, credential: str) -> Identity:
        """Return anyone."""
        del credential
        return ANYONE


class Required:
    """Keys, tokens and JWTs are asked for."""

    open = False

    def __init__(
        self,
        *,
        keys: KeyRing,
        tokens: Tokens | None,
        issuers: Mapping[str, Issuer],
        clock: Callable[[], float],
    ) -> None:
        self._keys = keys
        self._tokens = tokens
        self._issuers = issuers
        self._clock = clock
        self._proven: dict[str, tuple[Proof, str]] = {}
        keys.heard(self._keys_changed)

    def known(self, credential: str) -> Proof | None:
        """Return what *credential* has proven before, if that holds now."""
        proof, _ = self._proven.get(credential, (None, ""))
        return None if proof is None or self._clock() >= proof.until else proof

    async def identify(self, credential: str) -> Identity:
        """Return who shows *credential*; raise `UnknownCallerError`."""
        if not credential.isascii():  # RFC 6750 §2.1: b64token; such bytes reach no decoder
            raise UnknownCallerError("this is neither an API key nor a token")
        if not credential:
            raise UnknownCallerError("show an API key or a token: Authorization: Bearer …")
        known = self.known(credential)
        if known is not None:
            return known.identity
        identity, key = await self._prove(credential)
        if len(self._proven) >= _REMEMBERED:
            self._forget()
        self._proven[credential] = Proof(identity, self._until(identity, key)), key
        return identity

    def _until(self, identity: Identity, key: str) -> float:
        return min(identity.until, self._keys.until(key)) if key else identity.until

    def _keys_changed(self) -> None:
        # Who holds a proof sees it end: what was revoked is seen by the next request.
        for proof, key in self._proven.values():
            proof.until = self._until(proof.identity, key)

    def _forget(self) -> None:
        for proof, _ in self._proven.values():
            proof.until = 0.0
        self._proven.clear()

    async def _prove(self, credential: str) -> tuple[Identity, str]:
        """Return the identity and the id of the API key on which it rests, if on one."""
        parts = split(credential)
        if parts is not None:
            return await self._keys.prove(*parts), parts[0]
        issuer = _issuer(credential)
        if issuer == ISSUER and self._tokens is not None:
            identity, parent = self._tokens.read(credential)
            if not await self._keys.find(parent):
                raise UnknownCallerError("the key that minted the token was revoked")
            return identity, parent
        if issuer in self._issuers:
            return await self._issuers[issuer].read(credential), ""
        raise UnknownCallerError("this is neither an API key nor a token of an accepted issuer")


def _issuer(token: str) -> str:
    """Return who *token* says has issued it; nothing is proven by that."""
    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError as error:
        raise UnknownCallerError("this is neither an API key nor a token") from error
    return str(claims.get("iss", ""))
