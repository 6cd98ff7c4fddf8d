"""Who is counted."""

from __future__ import annotations

from gateway.access.identity import ANYONE
from gateway.rates import ClientsSpec
from gateway.web.limits import ClientLimits, rate_headers
from tests.clocks import ManualClock


def test_what_a_hit_says_of_a_quota_is_what_an_answer_says() -> None:
    clock = ManualClock()
    hit, answer = (ClientLimits(ClientsSpec(rate="3/min"), (), clock) for _ in range(2))
    client = hit.client(ANYONE, "192.0.2.1", "")
    assert client is not None
    for _ in range(3):
        decision = answer.decide(ANYONE, "192.0.2.1", "")
        assert decision is not None
        lines = "".join(f"{name}: {value}\r\n" for name, value in rate_headers(decision).items())
        assert client.lines(clock()) == lines.encode()
        clock.advance(7.5)
    clock.advance(-22.5)
    assert client.lines(clock()) is None
    clock.advance(60.0)
    assert client.lines(clock()) is not None


def test_a_refused_request_costs_nothing() -> None:
    clock = ManualClock()
    limits = ClientLimits(ClientsSpec(rate="1/min"), (), clock)
    client = limits.client(ANYONE, "192.0.2.1", "")
    assert client is not None
    assert client.lines(clock()) is not None
    assert [client.lines(clock()) for _ in range(5)] == [None] * 5
    clock.advance(60.0)
    assert client.lines(clock()) is not None
