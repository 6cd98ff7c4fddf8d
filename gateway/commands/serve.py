"""``serve``: answer over HTTP until a signal comes, in one process or in several on one port."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping

import msgspec
import structlog
import uvloop

from gateway import compiled, logs
from gateway.assembly.refilling import GRACE
from gateway.config import Config, ConfigError, Fault, load_config
from gateway.logs.files import open_log
from gateway.processes.ports import Port, PortInUseError
from gateway.processes.supervisor import supervise
from gateway.processes.worker import Worker, inherited
from gateway.web.app import serve
from gateway.web.server import DRAIN

LEAVING = 10.0
"""Seconds that a worker has, beside those for requests and flights, to close what it opened."""
_log = structlog.get_logger(__name__)


def run(options: argparse.Namespace) -> int:
    """Serve until a signal comes; return 0, or 1 where it could not begin."""
    config = load_config(options.config, os.environ)
    worker = inherited(os.environ)
    _log_to(config, worker)
    if compiled.state() == "stale":
        _log.warning("hits.stale", fix="make compile: what answers hits is older than its sources")
    changes = {name: getattr(options, name) for name in ("host", "port", "workers")}
    changes = {name: value for name, value in changes.items() if value is not None}
    # One truth of where it listens: who is let in depends on it.
    server = msgspec.structs.replace(config.server, **changes)
    config = msgspec.structs.replace(config, server=server)
    if worker is None and server.workers > 1:
        return _supervised(config, options.config)
    return _served(config, worker)


def _log_to(config: Config, worker: Worker | None) -> None:
    """Begin to log as *config* says; raise `ConfigError` where its file cannot be written."""
    spec = config.logs if worker is None else config.logs.of_worker(worker.number)
    try:
        stream = open_log(spec)
    except OSError as error:
        raise ConfigError((Fault("logs.file", error.strerror or str(error)),)) from error
    logs.configure(level=spec.level, stream=stream, secrets=config.secrets)


def _served(config: Config, worker: Worker | None) -> int:
    if worker is not None:
        structlog.contextvars.bind_contextvars(worker=worker.number)
        config = _apart(config, worker.number)
    return uvloop.run(serve(config, worker))


def _apart(config: Config, number: int) -> Config:
    """Give worker *number* (from 1) an admin port of its own: each has its own metrics."""
    admin = config.server.admin
    if admin is None or not admin.port:
        return config
    own = msgspec.structs.replace(admin, port=admin.port + number - 1)
    server = msgspec.structs.replace(config.server, admin=own)
    return msgspec.structs.replace(config, server=server)


def _supervised(config: Config, file: object) -> int:
    server = config.server
    try:
        port = Port(server.host, server.port)
    except PortInUseError as error:
        _log.error("server.failed", reason=str(error))
        return 1
    told: Mapping[str, object] = {
        "--config": file,
        "--host": server.host,
        "--port": port.number,
        "--workers": server.workers,
    }
    words = [str(word) for pair in told.items() for word in pair]
    command = [sys.executable, "-m", "gateway", "serve", *words]
    return asyncio.run(supervise(command, port, server.workers, within=DRAIN + GRACE + LEAVING))
