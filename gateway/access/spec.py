"""``access:`` of the configuration: who is let in, and how they prove who they are."""

from __future__ import annotations

from typing import Literal

from adapters.sources.units import Duration, Spec, seconds
from gateway.access.identity import Scope

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
"""Signatures that a published key can check; nothing symmetric, and never ``none``."""


class IssuerSpec(Spec, frozen=True, kw_only=True):
    """An identity provider whose JWTs are accepted."""

    issuer: str
    """As it stands in ``iss``."""
    audience: tuple[str, ...]
    """One of these stands in ``aud``: a token for another service is refused."""
    jwks_url: str
    """Where its keys are published."""
    algorithms: tuple[Algorithm, ...] = ("RS256",)
    """Signatures that are accepted."""
    leeway: Duration = seconds(30)
    """By how much clocks may differ."""
    refresh: Duration = seconds(3600)
    """After so long the keys are fetched again; an unknown key id is looked for at once."""
    tenant: str = "public"
    """Under whose name these callers go."""
    tenant_claim: str = ""
    """The claim that names the tenant instead."""
    scopes: tuple[Scope, ...] = (Scope.SEARCH, Scope.SUGGEST, Scope.STREAM)
    """What they may do at most."""
    scopes_from_token: bool = False
    """Whether the token's ``scope`` narrows that down: to nothing where it names none of them."""
    rate: str = ""
    """Requests, such as ``60/min``; empty: what holds for everyone."""
    allow_private: bool = False
    """Whether *jwks_url* may be on a private or loopback address."""


class AccessSection(Spec, frozen=True, kw_only=True):
    """Who is let in."""

    mode: Literal["auto", "required", "open"] = "auto"
    """``auto``: open where the gateway listens on loopback alone, else required. ``open`` on a
    public address lets everybody spend your quotas: it has to be said."""
    issuers: tuple[IssuerSpec, ...] = ()
    """Identity providers whose JWTs are accepted."""
    token_secret: str = ""
    """Signs the short-lived tokens of ``POST /v1/tokens``: 32 bytes or more, the same in every
    replica. Empty: none are minted."""

    def __post_init__(self) -> None:
        # As long as the hash at least (RFC 7518 §3.2).
        if self.token_secret and len(self.token_secret.encode()) < 32:
            raise ValueError("token_secret needs 32 bytes or more")
