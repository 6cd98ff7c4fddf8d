"""Gateways over one database and a stub upstream, for tests of what is done ahead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from gateway.assembly import Gateway
from gateway.config import Config, load_config
from gateway.lookup import Lookup, make_lookup
from tests.stub_upstream import StubUpstream, source

FRESHNESS = {
    "ttl": "1h",
    "stale_while_revalidate": "10m",
    "stale_if_error": "7d",
    "jitter": 0,
    "early": 0,
}


def configured(
    folder: Path, upstream: StubUpstream, *, url: str = "", warm: Any = None, **changes: Any
) -> Config:
    shared = {
        "freshness": FRESHNESS,
        "limits": {"retries": 0, "price": 0.01},
        "summary": {"by": "none"},
        "share": "public",
    }
    document = {
        "database": {"url": url or f"sqlite+aiosqlite:///{folder / 'lookup.db'}", "leases": True},
        "warmup": {"per_second": 1000, "ahead": {"on": False}, **(warm or {})},
        "sources": {"s": source(upstream.url, **{**shared, **changes})},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True))
    return load_config(path, {})


def asking(gateway: Gateway, q: str) -> Lookup:
    return make_lookup(gateway.routes["s"], q)


async def ask(gateway: Gateway, *queries: str) -> None:
    """Have *queries* asked, and counted."""
    for q in queries:
        await gateway.resolver.resolve(asking(gateway, q))
    await gateway.popularity.flush()
    await gateway.popularity.refresh()


def asked(upstream: StubUpstream) -> list[str]:
    return sorted(call.query["q"] for call in upstream.calls)
