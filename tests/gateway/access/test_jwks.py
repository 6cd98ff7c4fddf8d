from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from gateway.access.identity import Scope, UnknownCallerError
from gateway.access.jwks import REFETCH, Issuer
from gateway.access.spec import IssuerSpec
from tests.clocks import ManualClock
from tests.gateway.access.signing import Provider


def trusting(provider: Provider, **spec: Any) -> Issuer:
    full = {
        "issuer": "https://idp.example/",
        "audience": ("https://api.example",),
        "jwks_url": "https://idp.example/jwks.json",
        **spec,
    }
    return Issuer(IssuerSpec(**full), provider.fetch, provider.clock)


@pytest.fixture
def provider() -> Provider:
    return Provider(ManualClock())


async def test_a_token_with_an_audience_of_ours_tells_who_shows_it(provider: Provider) -> None:
    identity = await trusting(provider).read(provider.token())
    assert (identity.tenant, identity.name) == ("public", "jwt:auth0|123")
    assert identity.scopes == {Scope.SEARCH, Scope.SUGGEST, Scope.STREAM}
    assert identity.until == provider.clock() + 600 + 30


@pytest.mark.parametrize(
    "claims",
    [
        # Google's id_token: https://developers.google.com/identity/openid-connect
        {"iss": "https://accounts.google.com", "aud": "1.apps.googleusercontent.com",
         "azp": "1.apps.googleusercontent.com", "email_verified": True, "scope": None},
        # Kakao's id_token: https://developers.kakao.com/docs/latest/ko/kakaologin/utilize
        {"iss": "https://kauth.kakao.com", "aud": "a1b2c3", "auth_time": 1, "nonce": "n",
         "nickname": "춘식", "scope": None},
    ],
)  # fmt: skip
async def test_the_shapes_of_well_known_providers_are_read(
    provider: Provider, claims: dict[str, Any]
) -> None:
    issuer = trusting(provider, issuer=claims["iss"], audience=(claims["aud"],))
    assert (await issuer.read(provider.token(**claims))).name == "jwt:auth0|123"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://other.example"},
        {"aud": None},
        {"iss": "https://evil.example/"},
        {"exp": 1},
        {"exp": None},
        {"sub": None},
        {"nbf": 4_000_000_000},
        {"exp": "soon"},
    ],
)
async def test_a_token_for_others_or_out_of_its_time_is_refused(
    provider: Provider, claims: dict[str, Any]
) -> None:
    with pytest.raises(UnknownCallerError):
        await trusting(provider).read(provider.token(**claims))


async def test_clocks_may_differ_by_the_leeway(provider: Provider) -> None:
    token, issuer = provider.token(), trusting(provider)
    provider.clock.advance(629)
    await issuer.read(token)
    provider.clock.advance(2)
    with pytest.raises(UnknownCallerError, match="expired"):
        await issuer.read(token)


async def test_a_token_of_a_clock_that_is_ahead_by_less_than_the_leeway_is_valid_already(
    provider: Provider,
) -> None:
    issuer, now = trusting(provider), int(provider.clock())
    await issuer.read(provider.token(nbf=now + 30))
    with pytest.raises(UnknownCallerError, match="yet"):
        await issuer.read(provider.token(nbf=now + 31))


async def test_a_token_that_names_no_key_is_checked_by_the_only_one_that_signs(
    provider: Provider,
) -> None:
    (signs,) = provider.published
    provider.published = [
        {"kty": "oct", "kid": "oct", "k": "c2VjcmV0"},
        {**signs, "kid": "enc", "use": "enc"},
        {"kty": "unheard-of", "kid": "new"},
        signs,
    ]
    provider.kid = ""
    assert (await trusting(provider).read(provider.token())).tenant == "public"
    provider.published = [signs, {**signs, "kid": "another"}]
    with pytest.raises(UnknownCallerError, match="does not publish"):
        await trusting(provider).read(provider.token())


def unsigned(provider: Provider, alg: str) -> str:
    _, payload, _ = provider.token().split(".")
    head = json.dumps({"alg": alg, "kid": "k1"}).encode()
    return f"{base64.urlsafe_b64encode(head).rstrip(b'=').decode()}.{payload}."


def confused(provider: Provider) -> str:
    """Sign with HS256, keyed with the public key, as an attacker would."""
    public = provider.key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    claims = jwt.decode(provider.token(), options={"verify_signature": False})
    signed = jwt.encode(claims, "x" * 32, algorithm="HS256", headers={"kid": "k1"})
    message = signed.rpartition(".")[0]
    mark = hmac.digest(public, message.encode(), "sha256")  # PyJWT itself refuses to help
    return f"{message}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}"


def altered(provider: Provider) -> str:
    head, payload, signature = provider.token().split(".")
    claims = {**json.loads(base64.urlsafe_b64decode(payload + "==")), "sub": "admin"}
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{head}.{forged}.{signature}"


@pytest.mark.parametrize(
    "forge",
    [
        lambda p: unsigned(p, "none"),
        lambda p: unsigned(p, "None"),
        lambda p: unsigned(p, "RS256"),
        confused,
        altered,
        lambda p: "not.a.token",
        lambda p: "",
    ],
)
async def test_a_forged_token_is_refused(provider: Provider, forge: Any) -> None:
    with pytest.raises(UnknownCallerError):
        await trusting(provider).read(forge(provider))


async def test_a_new_key_is_fetched_and_a_flood_of_made_up_ones_is_one_fetch(
    provider: Provider,
) -> None:
    issuer = trusting(provider)
    await issuer.read(provider.token())
    provider.rotate("k2")
    with pytest.raises(UnknownCallerError):
        await issuer.read(provider.token())
    provider.clock.advance(REFETCH)
    await issuer.read(provider.token())
    for number in range(50):
        provider.kid = f"made up {number}"
        with pytest.raises(UnknownCallerError):
            await issuer.read(provider.token())
    assert provider.fetches == 2


async def test_keys_that_cannot_be_fetched_again_go_on_to_hold(provider: Provider) -> None:
    issuer = trusting(provider)
    await issuer.read(provider.token())
    provider.broken = True
    provider.clock.advance(4000)
    assert (await issuer.read(provider.token())).tenant == "public"


async def test_without_any_key_nobody_is_let_in(provider: Provider) -> None:
    provider.broken = True
    with pytest.raises(UnknownCallerError, match="cannot be had"):
        await trusting(provider).read(provider.token())


async def test_a_symmetric_key_that_somebody_publishes_is_no_key(provider: Provider) -> None:
    provider.published = [{"kty": "oct", "kid": "k1", "k": "c2VjcmV0"}]
    with pytest.raises(UnknownCallerError):
        await trusting(provider).read(provider.token())


async def test_a_claim_may_name_the_tenant_and_must_then_be_there(provider: Provider) -> None:
    issuer = trusting(provider, tenant_claim="org")
    assert (await issuer.read(provider.token(org="acme"))).tenant == "acme"
    for bad in (None, "", "a:b", "a/b"):
        with pytest.raises(UnknownCallerError, match="tenant"):
            await issuer.read(provider.token(org=bad))


async def test_the_tokens_scope_narrows_down_and_never_widens(provider: Provider) -> None:
    issuer = trusting(provider, scopes_from_token=True)
    assert (await issuer.read(provider.token(scope="search admin"))).scopes == {Scope.SEARCH}


@pytest.mark.parametrize("scope", ["openid profile", "", None])
async def test_a_token_whose_scope_grants_nothing_of_ours_may_nothing(
    provider: Provider, scope: str | None
) -> None:
    issuer = trusting(provider, scopes_from_token=True)
    assert (await issuer.read(provider.token(scope=scope))).scopes == frozenset()
