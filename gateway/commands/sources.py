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
from adapters.sources.spec import RequestSpec
from gateway import logs
from gateway.commands.choice import chosen
from gateway.config import Config, SourceSection, load_config
from gateway.config.reference import written
from gateway.events import Events
from gateway.lookup import make_lookup
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
                well, said = await _probe(parts.routes[name], config.sources[name])
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
    return ", ".join(map(_asked, section.requests)) or section.adapter


def _asked(request: RequestSpec) -> str:
    return request.url if request.has_keys else f"{request.url} (request.auth needs a key)"


async def _probe(route: Route, section: SourceSection) -> tuple[bool, str]:
    """Ask the source itself, past every tier, for what ``probe`` says or it is warmed with."""
    asked = section.probe or dict(zip(("q",), route.warm, strict=False))
    if not asked:
        return True, "not asked: it has neither probe nor warm"
    what = ", ".join(asked.values())
    params = {name: value for name, value in asked.items() if name != "q"}
    started = time.perf_counter()
    try:
        query = make_lookup(route, asked.get("q", ""), params=params).query
        payload = await route.source.fetch(query)
    except BadLookupError as error:
        return False, f"probe.{error.parameter}: {error.message}"
    except UpstreamError as error:
        return False, f"{what}: {error.message} ({error.kind.value})"
    seconds = time.perf_counter() - started
    records = "1 record" if payload.total == 1 else f"{payload.total} records"
    missing = f", without {', '.join(payload.partial)}" if payload.partial else ""
    return not payload.partial, f"{what}: {records} in {seconds:.2f} s{missing}"
