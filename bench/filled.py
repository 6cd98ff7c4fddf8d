"""A gateway that begins with a memory full of answers, for `bench.shapes`.

``python -m bench.filled --config FILE --port 0 --entries N --bytes N --tenants N``: as ``python -m
gateway serve``, but that nobody had to ask for what is in memory.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import orjson
import uvloop
from aiohttp import web

from gateway import logs
from gateway.answer import encode_head
from gateway.assembly import Gateway
from gateway.config import load_config
from gateway.instants import instant
from gateway.lookup import make_lookup
from gateway.route import Route
from gateway.web.app import make_app
from gateway.web.server import run
from storage.entry import Entry, Part

SOURCE = "bench"
_AROUND = 220
"""Bytes of an answer beside what fills it up, about."""


def make_entry(route: Route, number: int, size: int, tenant: str) -> Entry:
    """Return the answer of about *size* bytes to what *tenant* asks as the name *number*."""
    lookup, at = make_lookup(route, f"name {number}", tenant=tenant), time.time()
    record = {
        "id": f"{number}",
        "name": f"name {number}",
        "use": f"{number} " * (max(0, size - _AROUND) // (len(str(number)) + 1)),
        "summary": None,
    }
    members = {"total": 1, "items": [record], "as_of": instant(at), "attribution": None}
    return Entry(
        key=lookup.key,
        source=route.name,
        head=encode_head(lookup),
        records=Part(orjson.dumps(members)[1:-1], at, 0.1, lookup.key[-64:]),
        summary=None,
        empty=False,
        keep_until=at + 86_400,
    )


def entries(route: Route, count: int, size: int, tenants: int) -> Iterator[Entry]:
    """Yield *count* answers, shared evenly among *tenants* as `bench.tokens` names them."""
    for number in range(count):
        yield make_entry(route, number // tenants, size, f"tenant-{number % tenants}")


def main(arguments: Sequence[str]) -> int:
    """Serve until a signal comes."""
    parser = argparse.ArgumentParser(prog="python -m bench.filled", description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    for name in ("port", "entries", "bytes", "tenants"):
        parser.add_argument(f"--{name}", type=int, required=True)
    options = parser.parse_args(arguments)
    config = load_config(options.config, os.environ)
    logs.configure(level=config.logs.level, secrets=config.secrets)
    server = msgspec.structs.replace(config.server, port=options.port)

    def make(gateway: Gateway) -> web.Application:
        route = gateway.routes[SOURCE]
        for entry in entries(route, options.entries, options.bytes, options.tenants):
            gateway.tiers.memory.keep(entry)
        return make_app(gateway)

    return uvloop.run(run(msgspec.structs.replace(config, server=server), make))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
