"""``worker``: do the batches that others were asked for, over their PostgreSQL, until a signal."""

from __future__ import annotations

import argparse
import os
import sys
import time

import structlog
import uvloop

from gateway import logs
from gateway.assembly import open_gateway
from gateway.config import Config, ConfigError, Fault, load_config
from gateway.logs import logged
from storage.tier import TierError

_log = structlog.get_logger(__name__)


def run(options: argparse.Namespace) -> int:
    """Work until SIGTERM or SIGINT; return 0, or 1 where the database cannot be had."""
    config = load_config(options.config, os.environ)
    logs.configure(secrets=config.secrets)
    if config.batches.run_by != "workers":
        fault = Fault("batches.run_by", "the servers do batches themselves: say workers")
        raise ConfigError((fault,))
    try:
        uvloop.run(_work(config, options.concurrency))
    except TierError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def _work(config: Config, concurrency: int) -> None:
    events = logged(time.monotonic)
    async with open_gateway(config, events=events) as gateway, gateway.bulk.jobs() as jobs:
        _log.info("worker.working", concurrency=concurrency)
        await jobs.run_worker(concurrency)
        _log.info("worker.stopped")
