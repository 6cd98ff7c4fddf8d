"""Tracing as the configuration has it: nothing at all, or spans made at the gateway's borders."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Protocol

import aiohttp

from gateway import VERSION
from gateway.events import Events
from gateway.tracing.spec import TelemetrySpec


class Tracing(Protocol):
    """What makes spans."""

    on: bool

    def client(self, *, propagate: bool) -> list[aiohttp.TraceConfig]:
        """Return what makes spans of a session's calls, and names the trace to whom it calls."""


class NoTracing:
    """Makes none."""

    on = False

    def client(self, *, propagate: bool) -> list[aiohttp.TraceConfig]:
        """Return nothing."""
        del propagate
        return []


def open_tracing(stack: AsyncExitStack, spec: TelemetrySpec, events: Events) -> Tracing:
    """Export spans until *stack* is closed, if *spec* says where to."""
    if not spec.endpoint:
        return NoTracing()
    # OpenTelemetry takes 0.3 s and 20 MB: only who configures it pays for it.
    from gateway.tracing.export import make_provider  # noqa: PLC0415
    from gateway.tracing.spans import Spans  # noqa: PLC0415

    provider = make_provider(spec, VERSION)
    spans = Spans(provider.get_tracer("lookup-gateway", VERSION))
    stack.push_async_callback(asyncio.to_thread, provider.shutdown)
    spans.listen(events)
    return spans
