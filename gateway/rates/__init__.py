"""How often one client may ask: whose quota a request is counted against, and what is left of it.

Pure but for the table of who has asked lately, which is bounded. Each process counts for itself.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Literal
from weakref import WeakValueDictionary

import msgspec
from cachebox import LRUCache

from adapters.sources.units import Spec
from gateway.access.identity import ANYONE, Identity
from gateway.lookup import SHARED_TENANT
from gateway.rates.cell_rate import after, left, reset

By = Literal["tenant", "token", "address"]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_CLIENTS = 100_000
"""Clients that are remembered; the longest silent is forgotten first, and begins anew."""
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
_RATE = re.compile(r"([1-9]\d{0,8})/(s|min|h|d)")


class ClientsSpec(Spec, frozen=True, kw_only=True):
    """How often one client may ask; without this section nobody is held back."""

    rate: str = "60/min"
    """Requests, per ``s``, ``min``, ``h`` or ``d``; so many may also come at once."""
    by: tuple[By, ...] = ("tenant", "token", "address")
    """What tells clients apart: the first of these that a request has."""
    max_clients: Annotated[int, msgspec.Meta(ge=1)] = MAX_CLIENTS
    """Clients that are remembered; the longest silent is forgotten first."""

    def __post_init__(self) -> None:
        parse_rate(self.rate)
        if not self.by:
            raise ValueError("by is empty: name tenant, token or address")

    def quota_of(self, identity: Identity | None) -> Quota:
        """Return the quota of *identity*: its own where it has one."""
        return parse_rate(identity.rate if identity is not None and identity.rate else self.rate)


@dataclass(frozen=True, slots=True)
class Quota:
    """So many requests in a window."""

    requests: int
    seconds: int
    apart: float = field(init=False, repr=False, compare=False)
    """Seconds between two requests that come evenly."""
    most: float = field(init=False, repr=False, compare=False)
    """Its seconds and a grain of sand, which is more than the error of the sums."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "apart", self.seconds / self.requests)
        object.__setattr__(self, "most", self.seconds * (1 + 1e-9))

    def left(self, used: float) -> int:
        """Return how many requests may follow where so many of its seconds are *used*."""
        return left(used, self.seconds, self.apart)

    def reset(self, used: float) -> int:
        """Return in how many whole seconds all of it is there again, where so many are *used*."""
        # The sand of `most` is no second.
        return reset(used, self.seconds)


class Decision(msgspec.Struct, frozen=True, gc=False):
    """Whether one request may go on, and what its client has left."""

    allowed: bool
    quota: Quota
    remaining: int
    """Requests that may follow at once."""
    reset: int
    """Whole seconds until the whole quota is there again."""
    wait: int = 0
    """Whole seconds after which a refused request may be tried again."""


class Meter(msgspec.Struct, weakref=True, eq=False):
    """Counts the requests of one client with the generic cell rate algorithm (ITU-T I.371)."""

    due: float = 0.0
    """When the requests that it has made would have been made, had they come evenly, in monotonic
    seconds. It may run ahead of the clock by one window."""

    def take(self, quota: Quota, now: float, apart: float) -> float | None:
        """Count a request that weighs *apart*; return how many seconds of *quota* are used then.

        None: there is no room for it, and it costs nothing.
        """
        due = after(self.due, now, apart)
        used = due - now
        if used > quota.most:
            return None
        self.due = due
        return used


class ClientRates:
    """The meters of clients; of *max_clients* at least, if nobody holds more of them."""

    def __init__(self, max_clients: int = MAX_CLIENTS) -> None:
        self._latest: LRUCache[str, Meter] = LRUCache(max_clients)
        # Who still holds a meter counts on it: there is never a second one for its client.
        self._held = WeakValueDictionary[str, Meter]()

    @property
    def clients(self) -> int:
        """How many are remembered."""
        return len(self._held)

    def meter(self, client: str) -> Meter:
        """Return what counts *client*."""
        meter: Meter | None = self._latest.get(client)
        if meter is None:
            meter = self._held.setdefault(client, Meter())
            self._latest.insert(client, meter)
        return meter

    def take(self, client: str, quota: Quota, now: float, cost: int = 1) -> Decision:
        """Count a request of *client* at *now* (monotonic seconds) that weighs *cost*.

        One that weighs more than the whole quota is counted as the whole quota. A refused
        request costs nothing.
        """
        meter, apart = self.meter(client), quota.apart * min(cost, quota.requests)
        used = meter.take(quota, now, apart)
        if used is not None:
            return Decision(True, quota, quota.left(used), quota.reset(used))
        used = max(meter.due - now, 0.0)
        wait = max(1, math.ceil(used + apart - quota.seconds))
        return Decision(False, quota, max(0, quota.left(used)), quota.reset(used), wait)


@lru_cache(maxsize=1024)
def parse_rate(text: str) -> Quota:
    """Return the quota that ``60/min`` says; raise ValueError that names what is wrong."""
    match = _RATE.fullmatch(text.replace(" ", ""))
    if match is None:
        raise ValueError(f"{text!r} is no rate: write 10/s, 60/min, 1000/h or 5000/d")
    return Quota(int(match[1]), _SECONDS[match[2]])


def client_of(by: Iterable[By], identity: Identity | None, address: str) -> str:
    """Return the name under which a request is counted: by its tenant, its token or its address.

    Who has proven nothing has neither tenant nor token, and the tenant that everybody shares tells
    nobody apart. A request that has none of those wanted shares one count with all its like.
    """
    known = ANYONE if identity is None else identity
    names: dict[By, str] = {
        "tenant": "" if known.tenant == SHARED_TENANT else known.tenant,
        "token": "" if known == ANYONE else f"{known.tenant}:{known.name}",
        "address": _neighborhood(address),
    }
    return next((f"{kind}:{names[kind]}" for kind in by if names[kind]), "nobody")


def address_of(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """Return the address of the client of a connection from *peer*.

    *forwarded* is what ``X-Forwarded-For`` lists, the nearest hop last. It is believed only as far
    as proxies in *trusted* have written it: anybody can send the header.
    """
    at = peer
    for hop in reversed(forwarded):
        if not _within(at, trusted):
            break
        if _parsed(hop) is None:
            break
        at = hop.strip()
    return at


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks that *texts* name; raise ValueError that names a wrong one."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def _within(address: str, trusted: Sequence[Network]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(
        parsed.version == network.version and parsed in network for network in trusted
    )


def _neighborhood(address: str) -> str:
    """Return what one client is given: an IPv4 address, or the /64 of an IPv6 address."""
    parsed = _parsed(address)
    if parsed is None:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _parsed(address: str) -> Address | None:
    try:
        parsed = ipaddress.ip_address(address.strip().partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(parsed, "ipv4_mapped", None)
    return mapped if isinstance(mapped, ipaddress.IPv4Address) else parsed
