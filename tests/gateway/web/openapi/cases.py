"""Requests that get each status which a route is described to answer with."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from gateway.web.openapi.document import DESCRIBED, statuses
from tests.gateway.web.openapi import bulk_cases
from tests.stub_upstream import Behavior, Hang, Reply

SEARCHED = {"source": "plain", "q": "aspirin"}
NOBODY = {"source": "nobody", "q": "aspirin"}
CODED = {"Content-Encoding": "gzip"}
NO_CODING = {"Accept-Encoding": "*;q=0"}
UPSTREAM: dict[int, Behavior] = {
    400: Reply(status=400, records=[]),
    502: Reply(body=b"<html>"),
    503: Reply(status=429, headers={"Retry-After": "9"}),
    504: Hang(),
}
BROKEN = {
    "/v1/suggest": ("names", "suggest"),
    "/v1/sessions": ("sessions", "forget"),
    "/v1/invalidate": ("invalidations", "withdraw"),
    "/v1/events": ("journal", "latest"),
    "/v1/audit": ("audit", "latest"),
    "/readyz": ("tiers", ""),
    "/v1/stats": ("popularity", "told"),
    **bulk_cases.BROKEN,
}


@dataclass(frozen=True, eq=False)
class Case:
    """A request that gets one status."""

    method: str
    path: str
    status: int
    options: dict[str, Any] = field(default_factory=dict)
    world: str = "open"

    @property
    def url(self) -> str:
        named = self.path.replace("{id}", "nothing")
        return named.replace("{name}", "nothing" if self.status == 404 else "base.css")


def search(status: int, **options: Any) -> Case:
    return Case("GET", "/v1/search", status, options)


ASKED = [
    search(200, params=SEARCHED),
    search(304, params=SEARCHED, headers={"If-None-Match": "*"}),
    search(400, params={"source": "plain"}),
    search(404, params=NOBODY),
    search(406, params=SEARCHED, headers=NO_CODING),
    Case("GET", "/v1/search/stream", 200, {"params": SEARCHED}),
    Case("GET", "/v1/search/stream", 404, {"params": NOBODY}),
    Case("POST", "/v1/search", 200, {"json": {"lookups": [SEARCHED]}}),
    Case("POST", "/v1/search", 406, {"json": {"lookups": []}, "headers": NO_CODING}),
    Case("GET", "/v1/suggest", 200, {"params": SEARCHED}),
    Case("GET", "/v1/suggest", 404, {"params": NOBODY}),
    Case("GET", "/v1/sources", 200),
    Case("DELETE", "/v1/sessions", 204, {"headers": {"X-Session": "mine"}}),
    Case("POST", "/v1/invalidate", 200, {"json": {"all": True}}),
    Case("POST", "/v1/invalidate", 404, {"json": {"source": "nobody"}}),
    Case("POST", "/v1/refresh", 200, {"json": SEARCHED}),
    Case("POST", "/v1/refresh", 404, {"json": NOBODY}),
    Case("POST", "/v1/refresh", 406, {"json": SEARCHED, "headers": NO_CODING}),
    Case("POST", "/v1/tokens", 404, {"json": {}}),
    Case("POST", "/v1/tokens/refresh", 404, {"json": {"refresh_token": "a"}}),
    Case("GET", "/v1/stats", 200),
    Case("GET", "/v1/stats/stream", 200),
    Case("GET", "/metrics", 200),
    Case("POST", "/v1/debug/profile", 200, {"params": {"seconds": "0.01"}}),
    Case("GET", "/v1/events", 200),
    Case("GET", "/v1/audit", 200),
    Case("GET", "/healthz", 200),
    Case("GET", "/readyz", 200),
    *(
        Case("GET", path, status, options)
        for path in ("/openapi.json", "/docs", "/dashboard", "/pages/{name}")
        for status, options in (
            (200, {}),
            (304, {"headers": {"If-None-Match": "*"}}),
            (406, {"headers": NO_CODING}),
        )
    ),
    Case("POST", "/v1/tokens", 200, {"json": {}}, "key"),
    Case("POST", "/v1/tokens", 403, {"json": {"scopes": ["admin"]}}, "poor"),
    Case("POST", "/v1/tokens/refresh", 401, {"json": {"refresh_token": "a"}}, "door"),
    Case("POST", "/v1/tokens/refresh", 200, {}, "minted"),
    Case("GET", "/pages/{name}", 404),
    *(Case(*each) for each in bulk_cases.ASKED),
]
UPSTREAM_FAILS = [
    Case("GET", "/v1/search", status, {"params": SEARCHED}) for status in UPSTREAM
] + [Case("POST", "/v1/refresh", status, {"json": SEARCHED}) for status in UPSTREAM]
STORE_FAILS = [
    Case("GET", "/v1/suggest", 503, {"params": SEARCHED}),
    Case("DELETE", "/v1/sessions", 503, {"headers": {"X-Session": "mine"}}),
    Case("POST", "/v1/invalidate", 503, {"json": {"all": True}}),
    Case("GET", "/v1/events", 503),
    Case("GET", "/v1/audit", 503),
    Case("GET", "/readyz", 503),
    Case("GET", "/v1/stats", 503, {"params": {"popular": "3"}}),
    *(Case(*each) for each in bulk_cases.STORE_FAILS),
]


def everywhere() -> list[Case]:
    """Return what follows from where a route stands and what it takes."""
    found = []
    for (method, path), operation in DESCRIBED.items():
        described = statuses(method, path)
        found += [Case(method, path, status) for status in (400, 414, 431)]
        if operation.body is not None:
            most = 8 << 20 if path == "/v1/batches" else 1 << 20
            found.append(Case(method, path, 413, {"data": BytesIO(b" " * (most + 1))}, "key"))
            found.append(Case(method, path, 415, {"data": b"{}", "headers": CODED}, "key"))
        if 401 in described and (method, path) != ("POST", "/v1/tokens/refresh"):
            found.append(Case(method, path, 401, {}, "door"))
        if 403 in described and (method, path) != ("POST", "/v1/tokens"):
            found.append(Case(method, path, 403, {}, "poor"))
        if 429 in described:
            found.append(Case(method, path, 429, {}, "limited"))
    return found


EVERYWHERE = everywhere()
RAW = {400: b"a b: c\r\n", 431: b"A: " + b"a" * 9000 + b"\r\n"}
