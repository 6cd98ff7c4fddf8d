"""Gateways that share a Redis, each with a database of its own, over one stub upstream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from gateway.answer import Answer
from gateway.assembly import Gateway, open_gateway
from gateway.config import Config, load_config
from gateway.events import Events
from gateway.lookup import make_lookup
from tests.stub_upstream import StubUpstream, source


def config(
    folder: Path, upstream: StubUpstream, name: str = "a", *, more: Any = (), **redis: Any
) -> Config:
    """Return the configuration of one gateway; *more* are further keys of its source."""
    document = {
        "memory": {"max_bytes": "1MiB"},
        "redis": {"prefix": f"{folder}:", "timeout": "2s", **redis},
        "database": {"url": f"sqlite+aiosqlite:///{folder / name}.db"},
        "sources": {"s": source(upstream.url, **{"summary": {"by": "none"}, **dict(more)})},
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(document))
    return load_config(path, {})


async def ask(gateway: Gateway, q: str = "aspirin") -> Answer:
    return await gateway.resolver.resolve(make_lookup(gateway.routes["s"], q))


@asynccontextmanager
async def gateways(
    folder: Path,
    upstream: StubUpstream,
    url: str,
    count: int = 3,
    *,
    events: Events | None = None,
    more: Any = (),
) -> AsyncIterator[list[Gateway]]:
    async with AsyncExitStack() as stack:
        opened = []
        for number in range(count):
            made = config(folder, upstream, f"g{number}", more=more, url=url)
            opened.append(await stack.enter_async_context(open_gateway(made, events=events)))
        yield opened
