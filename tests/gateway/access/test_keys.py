from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.access.identity import READING, Scope
from gateway.access.keys import ApiKey, digest, from_row, new_key, split

NOW = 1_800_000_000.0


def made(secret: str) -> ApiKey:
    return ApiKey("0123456789ab", digest(secret), "acme", READING, None, "", "", NOW, None, None)


def test_what_its_owner_is_shown_splits_into_id_and_secret() -> None:
    key, shown = new_key("acme", READING, created=NOW)
    number, secret = split(shown) or ("", "")
    assert (number, key.proves(secret, NOW)) == (key.id, True)
    assert len({new_key("acme", READING, created=NOW)[1] for _ in range(100)}) == 100


@pytest.mark.parametrize("text", ["", "lgk_", "lgk_0123456789ab_short", "sk-abc", "a.b.c"])
def test_what_has_another_shape_is_no_key(text: str) -> None:
    assert split(text) is None


def test_only_its_secret_proves_a_key_and_only_the_hash_is_kept() -> None:
    key = made("right")
    assert key.proves("right", NOW)
    assert not key.proves("wrong", NOW)
    assert "right" not in repr(key)


def test_a_key_comes_back_from_its_table_as_it_was() -> None:
    key = replace(made("x"), sources=frozenset({"a", "b"}), rate="5/s", expires=NOW, note="an app")
    assert from_row(key.row) == key
    assert from_row(made("x").row).sources is None
    assert from_row(made("x").row._replace(scopes="search fly")).scopes == {Scope.SEARCH}


def test_an_expired_or_revoked_key_proves_nothing() -> None:
    expiring = replace(made("right"), expires=NOW + 10)
    assert expiring.proves("right", NOW + 9)
    assert not expiring.proves("right", NOW + 10)
    assert not replace(made("right"), revoked=NOW).proves("right", NOW)


def test_a_key_may_what_its_scopes_and_sources_say() -> None:
    identity = replace(made("x"), sources=frozenset({"medicine"})).identity
    assert identity.may(Scope.SEARCH, "medicine")
    assert not identity.may(Scope.SEARCH, "drug-label")
    assert not identity.may(Scope.INVALIDATE)
    assert (identity.tenant, identity.name) == ("acme", "key:0123456789ab")
