from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from gateway.access.authenticator import Open, Required
from gateway.access.identity import ANYONE, FOR_ANYONE, READING, UnknownCallerError
from gateway.access.jwks import Issuer
from gateway.access.keyring import MISSES, KeyRing
from gateway.access.keys import ApiKey, new_key
from gateway.access.spec import IssuerSpec
from gateway.access.tokens import Tokens
from storage.access import KeyRow
from storage.tier import TierError
from tests.clocks import ManualClock
from tests.gateway.access.signing import Provider


class Table:
    """Keys in a dict; counts how often it was read."""

    def __init__(self) -> None:
        self.keys: dict[str, ApiKey] = {}
        self.reads = 0
        self.broken = False

    async def all(self) -> Sequence[KeyRow]:
        self.reads += 1
        if self.broken:
            raise TierError("no disk")
        return [key.row for key in self.keys.values()]


class Door:
    """An authenticator over a table, a provider and a clock."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.table = Table()
        self.ring = KeyRing(self.table, self.clock)
        self.tokens = Tokens("s" * 32, self.clock)
        self.provider = Provider(self.clock)
        spec = IssuerSpec(
            issuer="https://idp.example/", audience=("https://api.example",), jwks_url="https://x"
        )
        self.authenticator = Required(
            keys=self.ring,
            tokens=self.tokens,
            issuers={spec.issuer: Issuer(spec, self.provider.fetch, self.clock)},
            clock=self.clock,
        )

    def key(self) -> tuple[str, str]:
        """Return the id of a new key and what its owner shows."""
        key, shown = new_key("acme", READING, created=self.clock())
        self.table.keys[key.id] = key
        self.clock.advance(MISSES)
        return key.id, shown

    def revoke(self, number: str) -> None:
        self.table.keys[number] = replace(self.table.keys[number], revoked=self.clock())


async def test_a_key_made_elsewhere_is_known_at_once() -> None:
    door = Door()
    _, shown = door.key()
    identity = await door.authenticator.identify(shown)
    assert (identity.tenant, identity.scopes) == ("acme", READING)
    proof = door.authenticator.known(shown)
    assert proof is not None
    assert proof.identity == identity


async def test_a_revoked_key_is_refused_by_the_next_request_that_follows_the_table() -> None:
    door = Door()
    number, shown = door.key()
    await door.authenticator.identify(shown)
    proof = door.authenticator.known(shown)
    assert proof is not None
    door.revoke(number)
    await door.ring.load()
    assert door.authenticator.known(shown) is None
    assert proof.until == 0  # whoever holds it sees that as well
    with pytest.raises(UnknownCallerError, match="revoked"):
        await door.authenticator.identify(shown)


async def test_an_expired_key_is_refused_by_the_next_request() -> None:
    door = Door()
    number, shown = door.key()
    door.table.keys[number] = replace(door.table.keys[number], expires=door.clock() + 5)
    await door.authenticator.identify(shown)
    door.clock.advance(5)
    with pytest.raises(UnknownCallerError):
        await door.authenticator.identify(shown)


async def test_a_token_falls_with_the_key_that_minted_it() -> None:
    door = Door()
    number, shown = door.key()
    identity = await door.authenticator.identify(shown)
    token = door.tokens.mint(identity, number, 600)
    assert (await door.authenticator.identify(token)).tenant == "acme"
    door.revoke(number)
    await door.ring.load()
    with pytest.raises(UnknownCallerError):
        await door.authenticator.identify(token)


async def test_a_providers_token_is_checked_once_while_it_holds() -> None:
    door = Door()
    token = door.provider.token()
    first = await door.authenticator.identify(token)
    assert await door.authenticator.identify(token) is first
    door.clock.advance(10_000)
    with pytest.raises(UnknownCallerError):
        await door.authenticator.identify(token)


@pytest.mark.parametrize("shown", ["", "nonsense", "lgk_0123456789ab_" + "a" * 43, "a.b.c"])
async def test_nothing_and_nonsense_prove_nothing(shown: str) -> None:
    with pytest.raises(UnknownCallerError):
        await Door().authenticator.identify(shown)


async def test_a_right_id_with_a_wrong_secret_is_told_the_same_as_a_wrong_id() -> None:
    door = Door()
    number, _ = door.key()
    told = []
    for guess in (number, "0123456789ab"):
        with pytest.raises(UnknownCallerError) as refused:
            await door.authenticator.identify(f"lgk_{guess}_{'a' * 43}")
        told.append(str(refused.value))
    assert told[0] == told[1]


async def test_guesses_do_not_read_the_table_each_time() -> None:
    door = Door()
    for _ in range(50):
        with pytest.raises(UnknownCallerError):
            await door.authenticator.identify(new_key("acme", READING, created=0.0)[1])
    assert door.table.reads == 1


async def test_a_table_that_cannot_be_read_lets_nobody_new_in_and_forgets_nobody() -> None:
    door = Door()
    _, shown = door.key()
    await door.authenticator.identify(shown)
    door.table.broken = True
    door.clock.advance(1)
    assert door.authenticator.known(shown) is not None
    with pytest.raises(UnknownCallerError):
        await door.authenticator.identify(new_key("acme", READING, created=0.0)[1])


async def test_at_a_desk_anyone_may() -> None:
    assert await Open().identify("") is ANYONE
    assert Open().known("x") is FOR_ANYONE


async def test_two_tenants_with_one_key_table_are_two() -> None:
    door = Door()
    number, one = door.key()
    other_number, other = door.key()
    door.table.keys[other_number] = replace(door.table.keys[other_number], tenant="beta")
    door.clock.advance(1)
    assert (await door.authenticator.identify(one)).tenant == "acme"
    assert (await door.authenticator.identify(other)).tenant == "beta"
    assert number != other_number


@pytest.mark.parametrize("shown", ["\udcff\udcfe", "\udcff.\udcff.\udcff", "키.키.키"])
async def test_bytes_that_are_no_ascii_are_nobodys(shown: str) -> None:
    # As aiohttp hands over what a client has sent that is no UTF-8.
    with pytest.raises(UnknownCallerError):
        await Door().authenticator.identify(shown)
