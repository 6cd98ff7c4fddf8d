"""What was proven is remembered within a bound, and is seen to end by whoever holds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from gateway.access import authenticator
from gateway.access.authenticator import Required
from gateway.access.identity import READING
from gateway.access.keyring import KeyRing
from gateway.access.keys import PREFIX, ApiKey, digest
from storage.access import KeyRow
from tests.clocks import ManualClock

NOW = 1_800_000_000.0
SECRET = "s" * 43


class Table:
    """Keys, by their number."""

    def __init__(self, count: int) -> None:
        numbers = [f"{number:012x}" for number in range(count)]
        self.keys = [
            ApiKey(number, digest(SECRET), "acme", READING, None, "", "", NOW, None, None)
            for number in numbers
        ]
        self.shown = [f"{PREFIX}_{number}_{SECRET}" for number in numbers]

    async def all(self) -> Sequence[KeyRow]:
        return [key.row for key in self.keys]


async def test_what_is_forgotten_has_ended_for_whoever_holds_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(authenticator, "_REMEMBERED", 2)
    table = Table(3)
    door = Required(
        keys=KeyRing(table, ManualClock()), tokens=None, issuers={}, clock=ManualClock()
    )
    held = []
    for shown in table.shown:
        await door.identify(shown)
        held.append(door.known(shown))
    first, second, third = held
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first.until, second.until) == (0.0, 0.0)
    assert third.until > NOW
    assert [door.known(shown) for shown in table.shown] == [None, None, third]


async def test_keys_that_are_as_they_were_are_told_to_nobody() -> None:
    table, heard = Table(1), []
    ring = KeyRing(table, ManualClock())
    ring.heard(lambda: heard.append(ring.count))
    for _ in range(3):
        await ring.load()
    assert heard == [1]
    table.keys[0] = replace(table.keys[0], revoked=NOW)
    await ring.load()
    assert heard == [1, 0]


def test_who_shows_a_key_has_its_rate_and_its_time() -> None:
    (key,) = Table(1).keys
    identity = replace(key, rate="9/min", expires=NOW + 5).identity
    assert (identity.rate, identity.until) == ("9/min", NOW + 5)
