"""Clients' rate limits over HTTP: ``RateLimit`` headers, and 429 for who asks too often.

The headers are those of draft-ietf-httpapi-ratelimit-headers-10: ``RateLimit-Policy`` says the
quota (q) and its window in seconds (w), ``RateLimit`` what is left (r) and in how many seconds
all of it is there again (t).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from aiohttp import hdrs, web
from aiohttp.web_request import Request

from gateway.access.identity import Identity
from gateway.rates import (
    ClientRates,
    ClientsSpec,
    Decision,
    Network,
    Quota,
    address_of,
    client_of,
)
from gateway.web.client import Client
from gateway.web.keys import IDENTITY
from gateway.web.middlewares import Handler
from gateway.web.problems import ProblemError

POLICY = "client"
"""The name of the one policy that there is."""
_DECISION: Final = web.RequestKey("rate_decision", Decision)
_LIMITED = "/v1/"
"""Probes and metrics belong to the operator, and are not counted."""


class ClientLimits:
    """Counts requests by client.

    Without *spec* only those are counted whose key has a rate of its own.
    """

    def __init__(
        self,
        spec: ClientsSpec | None,
        trusted: Sequence[Network],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._everyone = spec is not None
        self._spec = spec or ClientsSpec()
        self._trusted = trusted
        self._rates = ClientRates(self._spec.max_clients)
        self.clock = clock
        """Monotonic seconds, by which requests are counted."""

    def client(self, identity: Identity | None, peer: str, forwarded: str) -> Client | None:
        """Return as whom *identity* at *peer* is counted; None: nobody counts it.

        *forwarded* is its ``X-Forwarded-For``.
        """
        if not self._everyone and (identity is None or not identity.rate):
            return None
        hops = forwarded.split(",") if forwarded and self._trusted else ()
        at = address_of(peer, hops, self._trusted)
        name, quota = client_of(self._spec.by, identity, at), self._spec.quota_of(identity)
        return Client(name, quota, self._rates.meter(name), _lines(quota))

    def decide(self, identity: Identity | None, peer: str, forwarded: str) -> Decision | None:
        """Count a request of `client`; None: nobody counts it."""
        client = self.client(identity, peer, forwarded)
        if client is None:
            return None
        return self._rates.take(client.name, client.quota, self.clock())


LIMITS: Final = web.AppKey("limits", ClientLimits)
"""Of an application: what counts its clients' requests."""


def limit_clients(app: web.Application, limits: ClientLimits) -> None:
    """Have *app* refuse the requests of clients beyond their quota.

    It is the innermost of the middlewares that are there: whoever asks is known by then.
    """

    @web.middleware
    async def limit(request: Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(_LIMITED):
            forwarded = ",".join(request.headers.getall(hdrs.X_FORWARDED_FOR, ()))
            decision = limits.decide(request.get(IDENTITY), request.remote or "", forwarded)
            if decision is not None:
                request[_DECISION] = decision
                if not decision.allowed:
                    raise too_many(decision)
        return await handler(request)

    app.middlewares.append(limit)
    app.on_response_prepare.append(_tell)


def too_many(decision: Decision) -> ProblemError:
    """Return the 429 of a client that has spent its quota."""
    quota = decision.quota
    return ProblemError(
        429,
        f"at most {quota.requests} requests in {quota.seconds} s",
        kind="rate-limit",
        title="Too many requests",
        headers={"Retry-After": str(decision.wait)},
        members={"retry_after": decision.wait},
    )


async def _tell(request: Request, response: web.StreamResponse) -> None:
    """Say what is left, on every answer: a stream's headers are out before its handler ends."""
    decision = request.get(_DECISION)
    if decision is not None:
        response.headers.update(rate_headers(decision))


def rate_headers(decision: Decision) -> dict[str, str]:
    """Return what an answer says of its client's quota."""
    return {
        "RateLimit-Policy": _policy(decision.quota),
        "RateLimit": f'"{POLICY}";r={decision.remaining};t={decision.reset}',
    }


def _policy(quota: Quota) -> str:
    return f'"{POLICY}";q={quota.requests};w={quota.seconds}'


@lru_cache(maxsize=1024)
def _lines(quota: Quota) -> bytes:
    line = f'RateLimit-Policy: {_policy(quota)}\r\nRateLimit: "{POLICY}";r='
    return line.encode()
