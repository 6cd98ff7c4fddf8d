"""How often one client may ask, and who one client is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.identity import ANYONE, READING, Identity
from gateway.rates import (
    By,
    ClientRates,
    ClientsSpec,
    Quota,
    address_of,
    client_of,
    networks,
    parse_rate,
)

MINUTE = Quota(60, 60)
TRUSTED = networks(["10.0.0.0/8", "::1"])


def test_a_quota_may_be_spent_at_once_and_comes_back_evenly() -> None:
    rates = ClientRates()
    decisions = [rates.take("a", MINUTE, 100.0) for _ in range(61)]
    assert [d.allowed for d in decisions] == [True] * 60 + [False]
    assert [d.remaining for d in decisions] == [*range(59, -1, -1), 0]
    assert (decisions[0].reset, decisions[59].reset) == (1, 60)
    assert decisions[60].wait == 1
    assert rates.take("a", MINUTE, 101.0).allowed
    assert not rates.take("a", MINUTE, 101.5).allowed
    assert rates.take("a", MINUTE, 161.0).remaining == 59


def test_clients_do_not_spend_each_others_quota() -> None:
    rates = ClientRates()
    assert rates.take("a", Quota(1, 60), 0.0).allowed
    assert not rates.take("a", Quota(1, 60), 0.0).allowed
    assert rates.take("b", Quota(1, 60), 0.0).allowed


def test_a_refused_request_costs_nothing() -> None:
    rates = ClientRates()
    for _ in range(100):
        last = rates.take("a", Quota(2, 60), 0.0)
    assert (last.allowed, last.wait) == (False, 30)
    assert rates.take("a", Quota(2, 60), 30.0).allowed


def test_a_request_that_weighs_more_than_the_quota_is_counted_as_the_whole_of_it() -> None:
    rates = ClientRates()
    assert rates.take("a", MINUTE, 0.0, cost=100).allowed
    refused = rates.take("a", MINUTE, 0.0, cost=100)
    assert (refused.allowed, refused.wait) == (False, 60)
    assert rates.take("a", MINUTE, 60.0, cost=100).remaining == 0


def test_only_so_many_clients_are_remembered() -> None:
    rates = ClientRates(max_clients=10)
    for number in range(1000):
        rates.take(str(number), MINUTE, 0.0)
    assert rates.clients == 10


def test_a_quota_is_there_again_within_its_window() -> None:
    # Sums of floats come out a grain above sixty seconds.
    rates, now = ClientRates(), 0.0
    for _ in range(1000):
        now += 4.386691803444386
        assert rates.take("a", Quota(1, 60), now).reset <= 60


@given(
    quota=st.builds(Quota, st.integers(1, 50), st.sampled_from([1, 60, 3600])),
    steps=st.lists(st.floats(0, 100), max_size=100),
)
def test_no_window_has_more_than_twice_the_quota_and_no_even_client_is_refused(
    quota: Quota, steps: list[float]
) -> None:
    rates, now, taken = ClientRates(), 0.0, list[float]()
    for step in steps:
        now += step
        decision = rates.take("a", quota, now)
        assert 0 <= decision.remaining < quota.requests
        assert 0 <= decision.reset <= quota.seconds
        if decision.allowed:
            taken.append(now)
        else:
            later = ClientRates()
            for at in taken:
                later.take("a", quota, at)
            assert later.take("a", quota, now + decision.wait).allowed
    for end in taken:
        assert sum(end - quota.seconds < at <= end for at in taken) <= 2 * quota.requests
    even = ClientRates()
    assert all(even.take("a", quota, n * quota.apart).allowed for n in range(200))


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("60/min", MINUTE),
        ("10/s", Quota(10, 1)),
        ("1 / h", Quota(1, 3600)),
        ("5000/d", Quota(5000, 86_400)),
    ],
)
def test_a_rate_is_read(text: str, quota: Quota) -> None:
    assert parse_rate(text) == quota


@pytest.mark.parametrize("text", ["", "60", "0/min", "-1/s", "60/minute", "1.5/s", "min"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no rate"):
        ClientsSpec(rate=text)


def test_a_key_may_have_a_rate_of_its_own() -> None:
    spec = ClientsSpec(rate="60/min")
    assert spec.quota_of(None) == MINUTE
    assert spec.quota_of(ANYONE) == MINUTE
    assert spec.quota_of(Identity("acme", "app", READING, rate="5/s")) == Quota(5, 1)


@pytest.mark.parametrize(
    ("by", "identity", "client"),
    [
        (("tenant", "token", "address"), Identity("acme", "app", READING), "tenant:acme"),
        (("token", "address"), Identity("acme", "app", READING), "token:acme:app"),
        (("tenant", "token"), Identity("public", "app", READING), "token:public:app"),
        (("address",), Identity("acme", "app", READING), "address:192.0.2.1"),
        (("tenant", "token", "address"), ANYONE, "address:192.0.2.1"),
        (("tenant", "token", "address"), None, "address:192.0.2.1"),
        (("tenant",), None, "nobody"),
    ],
)
def test_a_client_is_the_first_that_tells_it_apart(
    by: tuple[By, ...], identity: Identity | None, client: str
) -> None:
    assert client_of(by, identity, "192.0.2.1") == client


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("/run/socket", "/run/socket"),
    ],
)
def test_an_ipv6_client_is_its_network(address: str, client: str) -> None:
    assert client_of(("address",), None, address) == f"address:{client}"


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.9", ["203.0.113.1"], "192.0.2.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.1"], "203.0.113.1"),
        ("10.0.0.1", ["1.1.1.1", "203.0.113.1"], "203.0.113.1"),
        ("10.0.0.1", ["203.0.113.1", " 10.0.0.2 "], "203.0.113.1"),
        ("10.0.0.1", ["10.0.0.3", "10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["203.0.113.1", "unknown"], "10.0.0.1"),
        ("::1", ["2001:db8::1"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["203.0.113.1"], "203.0.113.1"),
        ("", ["203.0.113.1"], ""),
    ],
)
def test_only_what_a_trusted_proxy_wrote_is_believed(
    peer: str, forwarded: list[str], address: str
) -> None:
    assert address_of(peer, forwarded, TRUSTED) == address
