"""``telemetry:`` as the configuration has it."""

from __future__ import annotations

from typing import Annotated

import msgspec

from adapters.sources.units import Spec


class TelemetrySpec(Spec, frozen=True, kw_only=True):
    """Where traces go, and how many."""

    endpoint: str = ""
    """Of an OTLP collector over HTTP, such as ``http://127.0.0.1:4318``; empty: no traces."""
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    """Sent with them, such as a collector's key."""
    sample: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.1
    """Share of requests without a ``traceparent``; with one, their caller has decided."""
    service: str = "lookup-gateway"
    """The name under which the traces stand."""
