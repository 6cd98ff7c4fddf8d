from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from gateway.access.grants import REFRESH_DAYS, Grants, Wanted
from gateway.access.identity import (
    EVERYTHING,
    READING,
    ForbiddenError,
    Identity,
    Scope,
    UnknownCallerError,
)
from gateway.access.keyring import KeyRing
from gateway.access.keys import ApiKey, digest
from gateway.access.tokens import LONGEST, Tokens
from storage.access import ApiKeyStore, RefreshStore
from storage.sqlite import open_sqlite
from tests.clocks import ManualClock

KEY = ApiKey("0123456789ab", digest("s"), "acme", EVERYTHING, None, "", "", 1.0, None, None)


@dataclass
class Desk:
    clock: ManualClock
    keys: ApiKeyStore
    ring: KeyRing
    tokens: Tokens
    grants: Grants

    async def minted(self, identity: Identity = KEY.identity, **wanted: object) -> Identity:
        granted = await self.grants.mint(identity, replace(Wanted(), **wanted))  # type: ignore[arg-type]
        return self.tokens.read(granted.token)[0]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    database = await open_sqlite(":memory:")
    clock = ManualClock()
    keys, tokens = ApiKeyStore(database), Tokens("s" * 32, clock)
    await keys.add(KEY.row)
    ring = KeyRing(keys, clock)
    yield Desk(clock, keys, ring, tokens, Grants(tokens, RefreshStore(database), ring, clock))
    await database.close()


async def test_a_phone_gets_what_a_phone_needs_and_nothing_behind_the_counter(desk: Desk) -> None:
    phone = await desk.minted(subject="phone-1")
    assert phone.scopes == READING | {Scope.BATCH}
    assert (phone.tenant, phone.name) == ("acme", "token:0123456789ab:phone-1")


async def test_a_token_may_be_narrower_than_its_key(desk: Desk) -> None:
    phone = await desk.minted(
        scopes=frozenset({Scope.SEARCH}), sources=frozenset({"medicine"}), rate="5/min"
    )
    assert (phone.scopes, phone.sources, phone.rate) == (
        frozenset({Scope.SEARCH}),
        frozenset({"medicine"}),
        "5/min",
    )


@pytest.mark.parametrize("scope", [Scope.ADMIN, Scope.INVALIDATE, Scope.STATS])
async def test_no_key_hands_on_what_is_for_backends(desk: Desk, scope: Scope) -> None:
    with pytest.raises(ForbiddenError, match=scope):
        await desk.minted(scopes=frozenset({scope}))


async def test_a_token_is_never_wider_than_its_key(desk: Desk) -> None:
    narrow = replace(
        KEY.identity, scopes=frozenset({Scope.SEARCH}), sources=frozenset({"medicine"})
    )
    with pytest.raises(ForbiddenError, match="suggest"):
        await desk.minted(narrow, scopes=frozenset({Scope.SUGGEST}))
    with pytest.raises(ForbiddenError, match="drug-label"):
        await desk.minted(narrow, sources=frozenset({"drug-label"}))
    assert (await desk.minted(narrow)).sources == frozenset({"medicine"})


async def test_a_token_mints_no_tokens(desk: Desk) -> None:
    with pytest.raises(ForbiddenError, match="API key"):
        await desk.grants.mint(await desk.minted(), Wanted())


async def test_a_refresh_token_brings_the_next_pair(desk: Desk) -> None:
    first = await desk.grants.mint(KEY.identity, Wanted(refresh=True, subject="p"))
    desk.clock.advance(3600)
    assert first.refresh_token is not None
    second = await desk.grants.renew(first.refresh_token)
    assert desk.tokens.read(second.token)[0].name == first.identity.name
    assert second.refresh_token not in (None, first.refresh_token)


async def test_a_refresh_token_shown_twice_ends_its_family(desk: Desk) -> None:
    first = await desk.grants.mint(KEY.identity, Wanted(refresh=True))
    assert first.refresh_token is not None
    second = await desk.grants.renew(first.refresh_token)
    assert second.refresh_token is not None
    with pytest.raises(UnknownCallerError, match="before"):
        await desk.grants.renew(first.refresh_token)
    with pytest.raises(UnknownCallerError):
        await desk.grants.renew(second.refresh_token)


async def test_a_refresh_token_ends_with_its_time_and_with_its_key(desk: Desk) -> None:
    late = await desk.grants.mint(KEY.identity, Wanted(refresh=True))
    orphan = await desk.grants.mint(KEY.identity, Wanted(refresh=True))
    assert late.refresh_token is not None
    assert orphan.refresh_token is not None
    await desk.keys.revoke(KEY.id, desk.clock())
    await desk.ring.load()
    with pytest.raises(UnknownCallerError, match="revoked"):
        await desk.grants.renew(orphan.refresh_token)
    desk.clock.advance(REFRESH_DAYS * 86_400)
    with pytest.raises(UnknownCallerError, match="expired"):
        await desk.grants.renew(late.refresh_token)
    for ended in (orphan.refresh_token, late.refresh_token):
        with pytest.raises(UnknownCallerError, match="unknown"):
            await desk.grants.renew(ended)


async def test_a_renewed_token_is_as_its_first_was(desk: Desk) -> None:
    wanted = Wanted(
        refresh=True,
        seconds=77,
        scopes=frozenset({Scope.SEARCH}),
        sources=frozenset({"medicine"}),
        rate="5/min",
    )
    first = await desk.grants.mint(KEY.identity, wanted)
    assert first.refresh_token is not None
    second = await desk.grants.renew(first.refresh_token)
    assert second.refresh_token is not None
    third = await desk.grants.renew(second.refresh_token)
    assert second.identity == third.identity == first.identity
    assert (first.seconds, second.seconds, third.seconds) == (77, 77, 77)


async def test_a_token_has_the_rate_of_its_key_and_lives_no_longer_than_tokens_do(
    desk: Desk,
) -> None:
    granted = await desk.grants.mint(replace(KEY.identity, rate="9/min"), Wanted(seconds=10**6))
    assert (granted.identity.rate, granted.seconds) == ("9/min", LONGEST)
    assert desk.tokens.read(granted.token)[0].until == desk.clock() + LONGEST


async def test_without_being_asked_for_there_is_no_refresh_token(desk: Desk) -> None:
    assert (await desk.grants.mint(KEY.identity, Wanted())).refresh_token is None
    with pytest.raises(UnknownCallerError):
        await desk.grants.renew("made up")
