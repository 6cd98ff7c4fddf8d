from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator

import pytest

from adapters.http import open_session
from gateway.watches.signature import signed
from gateway.watches.spec import WatchesSpec
from gateway.watches.webhooks import TRIES, Webhooks, refusal
from storage.database import open_database
from storage.watches import Delivery, Watch, WatchStore
from tests.clocks import ManualClock
from tests.gateway.watches.receiver import Receiver, receiving

SECRET = "a secret of 24 bytes or more"
SPEC = WatchesSpec(webhook_hosts=("127.0.0.1",), secret=SECRET, allow_private=True)
WATCH = Watch("w", "clinic", "app", "{}", "15m", "UTC", "", "", "", 0.0, due=1.0)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


@pytest.fixture
async def store() -> AsyncIterator[WatchStore]:
    tier = await open_database("sqlite+aiosqlite:///:memory:")
    store = WatchStore(tier.database)
    await store.add(WATCH)
    yield store
    await tier.close()


class Calls:
    """Webhooks with one call that is due."""

    def __init__(self, store: WatchStore, spec: WatchesSpec = SPEC) -> None:
        self.clock = ManualClock()
        self.store = store
        self.spec = spec

    async def queue(self, url: str) -> None:
        await self.store.saw(WATCH, Delivery("c1", "w", url, '{"type":"x"}', 0, self.clock()))

    async def make(self) -> int:
        async with open_session(allow_private=self.spec.allow_private) as session:
            webhooks = Webhooks(self.store, self.spec, session, self.clock, lambda: 1.0)
            return await webhooks.make_due()


async def test_a_call_is_signed_with_its_time_so_that_it_cannot_be_replayed(
    store: WatchStore, receiver: Receiver
) -> None:
    calls = Calls(store)
    await calls.queue(receiver.url)
    assert await calls.make() == 1
    ((headers, body),) = receiver.calls
    assert body == b'{"type":"x"}'
    moment = headers["Webhook-Timestamp"]
    assert moment == str(int(calls.clock()))
    content = f"{headers['Webhook-Id']}.{moment}.".encode() + body
    mac = hmac.new(SECRET.encode(), content, hashlib.sha256).digest()
    assert headers["Webhook-Signature"] == f"v1,{base64.b64encode(mac).decode()}"
    assert signed(SECRET, "c1", calls.clock() + 1, body) != signed(
        SECRET, "c1", calls.clock(), body
    )
    calls.clock.advance(7200)
    assert await calls.make() == 0


async def test_a_call_is_made_again_later_and_later_until_it_is_acknowledged(
    store: WatchStore, receiver: Receiver
) -> None:
    calls = Calls(store)
    receiver.statuses.extend([500, 302, 503])
    await calls.queue(receiver.url)
    for wait in (0.0, 5.0, 10.0, 20.0):
        if wait:
            calls.clock.advance(wait - 0.1)
            assert await calls.make() == 0
            calls.clock.advance(0.1)
        assert await calls.make() == 1
    assert len(receiver.calls) == 4
    assert len({headers["Webhook-Id"] for headers, _ in receiver.calls}) == 1
    calls.clock.advance(7200)
    assert await calls.make() == 0


async def test_who_wants_no_more_is_not_called_again(store: WatchStore, receiver: Receiver) -> None:
    calls = Calls(store)
    receiver.statuses.append(410)
    await calls.queue(receiver.url)
    await calls.make()
    calls.clock.advance(7200)
    assert await calls.make() == 0


async def test_the_tries_end(store: WatchStore, receiver: Receiver) -> None:
    calls = Calls(store)
    receiver.statuses.extend([500] * 99)
    await calls.queue(receiver.url)
    for _ in range(TRIES + 5):
        await calls.make()
        calls.clock.advance(3601)
    assert len(receiver.calls) == TRIES


async def test_a_private_address_is_not_dialed_whatever_its_name(
    store: WatchStore, receiver: Receiver
) -> None:
    strict = WatchesSpec(webhook_hosts=("127.0.0.1",), secret=SECRET)
    calls = Calls(store, strict)
    await calls.queue(receiver.url.replace("http:", "https:"))
    assert await calls.make() == 1
    assert receiver.calls == []
    calls.clock.advance(5)
    assert await calls.make() == 1  # it is a failure like others


async def test_a_host_that_is_allowed_no_more_is_not_called(
    store: WatchStore, receiver: Receiver
) -> None:
    calls = Calls(store, WatchesSpec(webhook_hosts=("else.example",), secret=SECRET))
    await calls.queue(receiver.url)
    await calls.make()
    calls.clock.advance(7200)
    assert await calls.make() == 0
    assert receiver.calls == []


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://hooks.example/a?b=c", True),
        ("https://HOOKS.example/", True),
        ("http://hooks.example/", False),
        ("https://hooks.example.evil.example/", False),
        ("https://evil.example/hooks.example", False),
        ("https://user@hooks.example/", False),
        ("https://hooks.example@evil.example/", False),
        ("https://" + "h" * 600, False),
        ("//hooks.example/", False),
        ("javascript:alert(1)", False),
        ("https://[::1/", False),
    ],
)
def test_only_allowed_hosts_are_called(url: str, may: bool) -> None:
    spec = WatchesSpec(webhook_hosts=("hooks.example",), secret=SECRET)
    assert (refusal(url, spec) == "") is may
    assert refusal(url, WatchesSpec()) != ""


@pytest.mark.parametrize(
    "hosts", [("https://hooks.example",), ("Hooks.example",), ("a:80",), ("",)]
)
def test_a_host_that_is_none_is_a_fault_of_the_configuration(hosts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="host"):
        WatchesSpec(webhook_hosts=hosts, secret=SECRET)


def test_a_short_secret_is_a_fault_of_the_configuration() -> None:
    with pytest.raises(ValueError, match="secret"):
        WatchesSpec(webhook_hosts=("hooks.example",), secret="short")
