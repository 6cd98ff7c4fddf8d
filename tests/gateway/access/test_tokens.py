from __future__ import annotations

import jwt
import pytest

from gateway.access.identity import READING, Identity, Scope, UnknownCallerError
from gateway.access.tokens import ISSUER, Tokens
from tests.clocks import ManualClock

SECRET = "s" * 32
PHONE = Identity("acme", "phone-1", READING, frozenset({"medicine"}), "30/min")


def test_a_minted_token_stands_for_its_identity_until_it_expires() -> None:
    clock = ManualClock()
    tokens = Tokens(SECRET, clock)
    token = tokens.mint(PHONE, "0123456789ab", 600)
    identity, parent = tokens.read(token)
    assert (identity.tenant, identity.name, identity.scopes) == ("acme", "phone-1", READING)
    assert (identity.sources, identity.rate, parent) == (
        frozenset({"medicine"}),
        "30/min",
        "0123456789ab",
    )
    clock.advance(600)
    with pytest.raises(UnknownCallerError, match="expired"):
        tokens.read(token)


def test_no_token_lives_for_longer_than_an_hour() -> None:
    clock = ManualClock()
    tokens = Tokens(SECRET, clock)
    assert tokens.read(tokens.mint(PHONE, "k", 10**6))[0].until == clock() + 3600


@pytest.mark.parametrize(
    "forged",
    [
        lambda claims: jwt.encode(claims, "o" * 32, algorithm="HS256"),
        lambda claims: jwt.encode(claims, SECRET * 2, algorithm="HS512"),
        lambda claims: jwt.encode(claims, "", algorithm="none"),
        lambda claims: jwt.encode({**claims, "iss": "x"}, SECRET, algorithm="HS256"),
        lambda claims: jwt.encode({**claims, "aud": "x"}, SECRET, algorithm="HS256"),
        lambda claims: jwt.encode(
            {name: claims[name] for name in claims if name != "exp"}, SECRET, algorithm="HS256"
        ),
    ],
)
def test_a_forged_token_is_refused(forged: object) -> None:
    tokens = Tokens(SECRET, ManualClock())
    claims = jwt.decode(
        tokens.mint(PHONE, "k", 60), SECRET, algorithms=["HS256"], audience=ISSUER,
        options={"verify_exp": False, "verify_iat": False},
    )  # fmt: skip
    assert callable(forged)
    with pytest.raises(UnknownCallerError):
        tokens.read(forged(claims))


def test_a_token_says_nothing_beyond_what_was_granted() -> None:
    tokens = Tokens(SECRET, ManualClock())
    identity, _ = tokens.read(tokens.mint(PHONE, "k", 60))
    assert not identity.may(Scope.ADMIN)
    assert not identity.may(Scope.SEARCH, "drug-label")
