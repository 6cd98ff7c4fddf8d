"""API keys: made once, shown once, and kept as a hash.

``lgk_{id}_{secret}``: the id finds the row, the secret has 256 bits, so that a plain SHA-256 of it
cannot be turned back (a slow hash is for what people think up).
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
import secrets
from dataclasses import dataclass

from gateway.access.identity import Identity, Scope
from storage.access import KeyRow

PREFIX = "lgk"
_SHAPE = re.compile(rf"{PREFIX}_([0-9a-f]{{12}})_([A-Za-z0-9_-]{{43}})")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept."""

    id: str
    hash: str
    """SHA-256 of the secret, in hex."""
    tenant: str
    scopes: frozenset[Scope]
    sources: frozenset[str] | None
    rate: str
    note: str
    created: float
    """Unix seconds, as the others."""
    expires: float | None
    revoked: float | None

    def proves(self, secret: str, now: float) -> bool:
        """Whether *secret* is its own and it is valid at *now*; in constant time."""
        own = hmac.compare_digest(digest(secret), self.hash)
        return own and self.valid(now)

    def valid(self, now: float) -> bool:
        """Whether it is neither revoked nor expired at *now*."""
        return now < self.until

    @property
    def until(self) -> float:
        """Unix seconds until which it is valid; 0 once it is revoked."""
        if self.revoked is not None:
            return 0.0
        return math.inf if self.expires is None else self.expires

    @property
    def row(self) -> KeyRow:
        """The key as its table keeps it."""
        sources = None if self.sources is None else " ".join(sorted(self.sources))
        return KeyRow(
            id=self.id,
            hash=self.hash,
            tenant=self.tenant,
            scopes=" ".join(sorted(self.scopes)),
            sources=sources,
            rate=self.rate,
            note=self.note,
            created=self.created,
            expires=self.expires,
            revoked=self.revoked,
        )

    @property
    def identity(self) -> Identity:
        """Who shows it."""
        until = float("inf") if self.expires is None else self.expires
        return Identity(self.tenant, f"key:{self.id}", self.scopes, self.sources, self.rate, until)


def from_row(row: KeyRow) -> ApiKey:
    """Return the key that *row* keeps; a scope of a newer version is none that it has here."""
    known = {scope.value for scope in Scope}
    return ApiKey(
        id=row.id,
        hash=row.hash,
        tenant=row.tenant,
        scopes=frozenset(Scope(name) for name in row.scopes.split() if name in known),
        sources=None if row.sources is None else frozenset(row.sources.split()),
        rate=row.rate,
        note=row.note,
        created=row.created,
        expires=row.expires,
        revoked=row.revoked,
    )


def new_key(
    tenant: str,
    scopes: frozenset[Scope],
    *,
    created: float,
    sources: frozenset[str] | None = None,
    rate: str = "",
    note: str = "",
    expires: float | None = None,
) -> tuple[ApiKey, str]:
    """Return a new key as it is kept, and the text that its owner is shown once."""
    number, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    key = ApiKey(
        id=number,
        hash=digest(secret),
        tenant=tenant,
        scopes=scopes,
        sources=sources,
        rate=rate,
        note=note,
        created=created,
        expires=expires,
        revoked=None,
    )
    return key, f"{PREFIX}_{number}_{secret}"


def split(text: str) -> tuple[str, str] | None:
    """Return id and secret of what looks like a key, else None."""
    match = _SHAPE.fullmatch(text)
    return None if match is None else (match[1], match[2])


def digest(secret: str) -> str:
    """Return the hash under which *secret* is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()
