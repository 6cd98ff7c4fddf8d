"""Who asks again and again: what of it is worked out once, for as long as it is the same."""

from __future__ import annotations

from dataclasses import dataclass
from sys import intern

from gateway.access.identity import Identity, Proof
from gateway.web import encoding
from gateway.web.client import Client


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody at an address, as a head has shown them."""

    proof: Proof
    identity: Identity
    tenant: str
    """Of the identity, as are its sources: one look less into what a processor has not at hand."""
    sources: frozenset[str] | None
    peer: str
    client: Client | None
    """As whom they are counted; None: nobody counts them."""
    coding: str
    """The coding that they accept; empty: none that there is."""
    plain: bool
    """Whether that is none but identity."""
    own: bytes
    """What stands before the names of answers that are theirs alone."""


def make_caller(proof: Proof, peer: str, client: Client | None, accepted: str) -> Caller:
    """Return whom *proof* shows at *peer*, who accepts the codings *accepted*."""
    identity, coding = proof.identity, encoding.negotiate(accepted)
    return Caller(
        proof=proof,
        identity=identity,
        # One text for all keys of a tenant.
        tenant=intern(identity.tenant),
        sources=identity.sources,
        peer=peer,
        client=client,
        coding=coding,
        plain=coding == encoding.IDENTITY,
        own=own(identity.tenant),
    )


def own(tenant: str) -> bytes:
    """Return what stands before the name of what *tenant* alone is answered: none has a blank."""
    return tenant.encode() + b" "
