"""``sources``: what is configured and, with ``--probe``, whether it answers."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack

from adapters.errors import UpstreamError
from adapters.source import Query
from gateway import logs
from gateway.commands.choice import chosen
from gateway.config import Config, SourceSection, load_config
from gateway.config.reference import written
from gateway.events import Events
from gateway.parameters import BadLookupError
from gateway.parts import open_parts
from gateway.route import Route


def run(options: argparse.Namespace) -> int:
    """Print the sources; return 0, 1 when a probe failed, 2 when there is no such source."""
    config = load_config(options.config, os.environ)
    logs.configure(level="warning", secrets=config.secrets)
    try:
        names = chosen(config, options.name)
    except BadLookupError as error:
        print(error.message, file=sys.stderr)
        return 2
    return asyncio.run(_show(config, names, probe=options.probe))


async def _show(config: Config, names: list[str], *, probe: bool) -> int:
    failures = 0
    async with AsyncExitStack() as stack:
        parts = await open_parts(config, stack, Events())
        for name in names:
            print(name)
            for label, text in _description(config.sources[name]):
                print(f"  {label:<12} {text}")
            if probe:
                well, said = await _probe(parts.routes[name])
                print(f"  {'probe':<12} {said}")
                failures += not well
    return 1 if failures else 0


def _description(section: SourceSection) -> Iterator[tuple[str, str]]:
    yield "what", section.description or "-"
    yield "asks", _upstream(section)
    for name, param in section.params.items():
        yield "parameter", f"{name}{' (required)' if param.required else ''} {param.description}"
    fresh = section.freshness
    yield "fresh for", f"{written(fresh.ttl)}; no match {written(fresh.negative_ttl)}"
    yield "summary", section.summary.by
    credit = section.terms.credit
    yield "credit", " | ".join(filter(None, (credit.text, credit.license))) or "-"


def _upstream(section: SourceSection) -> str:
    if section.local is not None:
        why = "" if section.adapter == "dataset" else ", for want of a key"
        return f"the file {section.local.path}{why}"
    if section.adapter == "declarative" and section.request is not None:
        return section.request.url
    return section.adapter


async def _probe(route: Route) -> tuple[bool, str]:
    """Ask the source itself, past every tier, for the first thing that it is warmed with."""
    if not route.warm:
        return True, "not asked: its warm list is empty"
    query = Query(route.warm[0], {}, route.language)
    started = time.perf_counter()
    try:
        payload = await route.source.fetch(query)
    except UpstreamError as error:
        return False, f"{query.text}: {error.message} ({error.kind.value})"
    seconds = time.perf_counter() - started
    return True, f"{query.text}: {payload.total} records in {seconds:.2f} s"
