"""Clients' rate limits over HTTP: ``RateLimit`` headers, and 429 for who asks too often.

The headers are those of draft-ietf-httpapi-ratelimit-headers-10: ``RateLimit-Policy`` says the
quota (q) and its window in seconds (w), ``RateLimit`` what is left (r) and in how many seconds
all of it is there again (t).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from aiohttp import hdrs, web
from aiohttp.web_request import Request

from gateway.rates import ClientRates, ClientsSpec, Decision, Network, address_of, client_of
from gateway.web.keys import IDENTITY
from gateway.web.middlewares import Handler
from gateway.web.problems import ProblemError

POLICY = "client"
"""The name of the one policy that there is."""
_DECISION: Final = web.RequestKey("rate_decision", Decision)
_LIMITED = "/v1/"
"""Probes and metrics belong to the operator, and are not counted."""


def limit_clients(
    app: web.Application,
    spec: ClientsSpec | None,
    trusted: Sequence[Network],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Have *app* count the requests of its clients and refuse those beyond their quota.

    Without *spec* only those are counted whose key has a rate of its own. It is the innermost of
    the middlewares that are there: whoever asks is known by then.
    """
    wanted = spec or ClientsSpec()
    rates = ClientRates(wanted.max_clients)

    @web.middleware
    async def limit(request: Request, handler: Handler) -> web.StreamResponse:
        identity = request.get(IDENTITY)
        held = spec is not None or (identity is not None and identity.rate != "")
        if held and request.path.startswith(_LIMITED):
            client = client_of(wanted.by, identity, address(request, trusted))
            decision = rates.take(client, wanted.quota_of(identity), clock())
            request[_DECISION] = decision
            if not decision.allowed:
                raise too_many(decision)
        return await handler(request)

    app.middlewares.append(limit)
    app.on_response_prepare.append(_tell)


def address(request: Request, trusted: Sequence[Network]) -> str:
    """Return the address of the client; empty where the socket has none."""
    forwarded = ",".join(request.headers.getall(hdrs.X_FORWARDED_FOR, ())) if trusted else ""
    return address_of(request.remote or "", forwarded.split(",") if forwarded else (), trusted)


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
        quota = decision.quota
        response.headers["RateLimit-Policy"] = f'"{POLICY}";q={quota.requests};w={quota.seconds}'
        response.headers["RateLimit"] = f'"{POLICY}";r={decision.remaining};t={decision.reset}'
