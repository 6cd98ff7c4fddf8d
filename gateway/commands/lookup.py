"""``lookup``: one answer, through everything that serves it, printed as JSON."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

import orjson

from adapters.errors import UpstreamError
from gateway import logs
from gateway.assembly import open_gateway
from gateway.commands.choice import chosen
from gateway.config import Config, load_config
from gateway.lookup import make_lookup
from gateway.parameters import BadLookupError
from storage.tier import TierError

_FAILED, _WRONG_USAGE = 1, 2


def run(options: argparse.Namespace) -> int:
    """Print the answer and return 0; say what is wrong on standard error and return 1 or 2."""
    config = load_config(options.config, os.environ)
    logs.configure(level="warning", secrets=config.secrets)
    try:
        body = asyncio.run(_answer(config, options))
    except BadLookupError as error:
        print(f"{error.parameter}: {error.message}", file=sys.stderr)
        return _WRONG_USAGE
    except UpstreamError as error:
        print(f"{options.source}: {error.message} ({error.kind.value})", file=sys.stderr)
        return _FAILED
    except TierError as error:
        print(error, file=sys.stderr)
        return _FAILED
    if sys.stdout.isatty():
        body = orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2)
    print(body.decode())
    return 0


async def _answer(config: Config, options: argparse.Namespace) -> bytes:
    chosen(config, options.source)
    async with open_gateway(config) as gateway:
        lookup = make_lookup(
            gateway.routes[options.source],
            options.query,
            keyword=options.keyword,
            params=dict(options.param),
        )
        return (await gateway.resolver.resolve(lookup)).body()
