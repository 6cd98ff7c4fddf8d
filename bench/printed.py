"""Servers of benchmarks, each a process that prints its port (`bench.peers.printed`)."""

from __future__ import annotations

import asyncio
import sys

from aiohttp import web


async def serve(app: web.Application) -> None:
    """Serve *app* on a free port until killed."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    await until_killed(site.port)


async def until_killed(port: int) -> None:
    """Print *port*, the first line on standard output, and wait."""
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()
