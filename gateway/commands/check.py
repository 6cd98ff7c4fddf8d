"""``check``: is the file right? Everything is built as if to serve, and nobody is asked."""

from __future__ import annotations

import argparse
import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from gateway.config import Config, ConfigError, Fault, SourceSection, load_config
from gateway.events import Events
from gateway.parts import open_parts


def run(options: argparse.Namespace) -> int:
    """Say that the file is right and return 0, or raise `ConfigError`."""
    config = load_config(options.config, os.environ)
    faults = asyncio.run(faults_in(config))
    if faults:
        raise ConfigError(faults)
    names = ", ".join(config.sources)
    count = "1 source" if len(config.sources) == 1 else f"{len(config.sources)} sources"
    print(f"{Path(options.config)} is right: {count} ({names})")
    return 0


async def faults_in(config: Config) -> tuple[Fault, ...]:
    """Return what only shows when sources are built: expressions, files, classes.

    A source with a file for want of a key is built both ways, whatever keys there are.
    """
    upstreams = {name: _as_upstream(section) for name, section in config.sources.items()}
    faults = await _build(config, upstreams)
    stand_ins = {
        name: msgspec.structs.replace(section, adapter="dataset", dataset=section.without_key)
        for name, section in config.sources.items()
        if section.without_key is not None
    }
    for fault in await _build(config, stand_ins):
        path = fault.path.replace(".dataset", ".without_key", 1)
        if Fault(fault.path, fault.message) not in faults:
            faults.append(Fault(path, fault.message))
    return tuple(faults)


def _as_upstream(section: SourceSection) -> SourceSection:
    return msgspec.structs.replace(section, without_key=None)


async def _build(config: Config, sources: dict[str, SourceSection]) -> list[Fault]:
    async with AsyncExitStack() as stack:
        try:
            await open_parts(msgspec.structs.replace(config, sources=sources), stack, Events())
        except ConfigError as error:
            return list(error.faults)
    return []
