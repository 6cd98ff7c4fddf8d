"""Keys and tokens of an identity provider, made for one test."""

from __future__ import annotations

import json
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.clocks import ManualClock


class Provider:
    """Signs tokens and publishes its keys; counts how often they were fetched."""

    def __init__(self, clock: ManualClock, kid: str = "k1") -> None:
        self.clock = clock
        self.fetches = 0
        self.broken = False
        self.published: list[dict[str, Any]] = []
        self.rotate(kid)

    def rotate(self, kid: str) -> None:
        """Sign with a new key from now on, published in place of the old."""
        self.kid = kid
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        self.published = [{**public, "kid": kid, "use": "sig", "alg": "RS256"}]

    async def fetch(self, url: str) -> dict[str, Any]:
        self.fetches += 1
        if self.broken:
            raise OSError("no connection")
        return {"keys": self.published}

    def token(self, **claims: Any) -> str:
        """Return a token of the shape that Auth0 issues, with *claims* over it; None leaves out."""
        now = int(self.clock())
        full = {
            "iss": "https://idp.example/",
            "sub": "auth0|123",
            "aud": ["https://api.example", "https://idp.example/userinfo"],
            "iat": now,
            "exp": now + 600,
            "azp": "app",
            "scope": "openid search",
            **claims,
        }
        full = {name: value for name, value in full.items() if value is not None}
        return jwt.encode(full, self.key, algorithm="RS256", headers={"kid": self.kid})
