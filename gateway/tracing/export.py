"""The SDK: which traces are kept, and where they are sent."""

from __future__ import annotations

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from gateway.tracing.spec import TelemetrySpec

PATIENCE = 5.0
"""Seconds that a collector has for a batch; spans that it does not take are dropped."""


def make_provider(spec: TelemetrySpec, version: str) -> TracerProvider:
    """Return a provider that sends spans from a thread of its own, in batches."""
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(spec.sample)),
        resource=Resource({"service.name": spec.service, "service.version": version}),
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(
        endpoint=f"{spec.endpoint.rstrip('/')}/v1/traces",
        headers=dict(spec.headers),
        timeout=PATIENCE,
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
