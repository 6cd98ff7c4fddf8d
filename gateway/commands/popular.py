"""``popular``: what is asked most, by all replicas."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from typing import Any

from gateway import logs
from gateway.assembly import open_gateway
from gateway.commands.choice import chosen
from gateway.config import Config, load_config
from gateway.parameters import BadLookupError
from storage.tier import TierError


def run(options: argparse.Namespace) -> int:
    """Print a line for each lookup, the first first; return 0, 1 without a database, or 2."""
    config = load_config(options.config, os.environ)
    logs.configure(level="warning", secrets=config.secrets)
    try:
        chosen(config, options.source or None)
        told = asyncio.run(_top(config, options))
    except BadLookupError as error:
        print(error.message, file=sys.stderr)
        return 2
    except TierError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{'of late':>10} {'a day':>10}  lookup")
    for each in told:
        print(f"{each['lookups']:>10,.1f} {each['per_day']:>10,.1f}  {_name(each)}")
    return 0


async def _top(config: Config, options: argparse.Namespace) -> list[dict[str, Any]]:
    async with open_gateway(config) as gateway:
        await gateway.popularity.refresh()
        return await gateway.popularity.told(options.top, gateway.routes, source=options.source)


def _name(told: dict[str, Any]) -> str:
    more = {"keyword": told["keyword"], "lang": told["lang"], **told["params"], **told["context"]}
    rest = ", ".join(f"{name}={value}" for name, value in more.items() if value)
    return f"{told['source']}: {told['query']}" + (f" ({rest})" if rest else "")
