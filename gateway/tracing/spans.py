"""Spans: of requests and upstream calls where they cross the border, of all else from events.

An event is told in the context of the request that it belongs to, and says how long it took: its
span is made when it is over. Attributes are names and numbers of ours; no query, no text and no
message of an error is among them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp
import structlog
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway.events import (
    ByKind,
    Embedded,
    Fetched,
    FetchFailed,
    Summarized,
    SummaryFailed,
    SummaryWasted,
    TierRead,
)

Attributes = dict[str, str | int | float | bool]
_W3C = TraceContextTextMapPropagator()


class Spans(ByKind):
    """Makes spans with *tracer*; a listener of events."""

    on = True

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        super().__init__(
            {
                TierRead: self._read,
                Fetched: self._fetched,
                FetchFailed: self._fetched,
                Summarized: self._written,
                SummaryWasted: self._wasted,
                Embedded: self._embedded,
                SummaryFailed: self._failed,
            }
        )

    @contextmanager
    def request(self, headers: Mapping[str, str], method: str, route: str) -> Iterator[Span]:
        """Have a server's span around the body, in the trace that *headers* name."""
        with self._tracer.start_as_current_span(
            f"{method} {route}",
            _W3C.extract(headers),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, "http.route": route},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield span

    def client(self, *, propagate: bool) -> list[aiohttp.TraceConfig]:
        """Return what makes spans of a session's calls; *propagate* tells upstreams the trace."""
        config = aiohttp.TraceConfig()

        async def started(_: object, call: SimpleNamespace, params: Any) -> None:
            call.span = self._call(params.method, params.url.host or "")
            if propagate:
                _W3C.inject(params.headers, trace.set_span_in_context(call.span))

        async def ended(_: object, call: SimpleNamespace, params: Any) -> None:
            note_status(call.span, params.response.status, least=400)
            call.span.end()

        async def failed(_: object, call: SimpleNamespace, params: Any) -> None:
            call.span.set_attribute("error.type", type(params.exception).__name__)
            call.span.set_status(Status(StatusCode.ERROR))
            call.span.end()

        config.on_request_start.append(started)
        config.on_request_end.append(ended)
        config.on_request_exception.append(failed)
        return [config]

    def _call(self, method: str, host: str) -> Span:
        attributes: Attributes = {"http.request.method": method, "server.address": host}
        source = structlog.contextvars.get_contextvars().get("source")
        if source:
            attributes["lookup.source"] = str(source)
        return self._tracer.start_span(method, kind=SpanKind.CLIENT, attributes=attributes)

    def _read(self, event: TierRead) -> None:
        # Alone it is worth no trace.
        if trace.get_current_span().get_span_context().trace_flags.sampled:
            attributes: Attributes = {"lookup.tier": event.tier, "lookup.hit": event.hit}
            self._past(f"read {event.tier}", event.seconds, attributes)

    def _fetched(self, event: Fetched | FetchFailed) -> None:
        attributes: Attributes = {"lookup.source": event.source}
        error = ""
        if isinstance(event, Fetched):
            attributes["lookup.records"] = event.records
        else:
            error = event.kind
        self._past(f"fetch {event.source}", event.seconds, attributes, error=error)

    def _written(self, event: Summarized) -> None:
        if not event.model:
            attributes: Attributes = {"lookup.source": event.source}
            self._past("summarize extractive", event.seconds, attributes)
            return
        model = _model(event)
        self._past(f"chat {event.model}", event.seconds, model, kind=SpanKind.CLIENT)

    def _wasted(self, event: SummaryWasted) -> None:
        model = _model(event)
        self._past(f"chat {event.model}", 0.0, model, kind=SpanKind.CLIENT, error=event.reason)

    def _embedded(self, event: Embedded) -> None:
        known = {
            "gen_ai.usage.input_tokens": event.prompt_tokens,
            "lookup.cost_usd": event.usd,
        }
        attributes = _asked("embeddings", event.model, event.source, known)
        name = f"embeddings {event.model}"
        self._past(name, event.seconds, attributes, kind=SpanKind.CLIENT, error=event.reason)

    def _failed(self, event: SummaryFailed) -> None:
        attributes: Attributes = {"lookup.source": event.source}
        self._past("summarize", event.seconds, attributes, error=event.reason)

    def _past(
        self,
        name: str,
        seconds: float,
        attributes: Attributes,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        error: str = "",
    ) -> None:
        """Make the span of what has just ended."""
        now = time.time_ns()
        began = now - int(seconds * 1e9)
        span = self._tracer.start_span(name, kind=kind, attributes=attributes, start_time=began)
        if error:
            span.set_attribute("error.type", error)
            span.set_status(Status(StatusCode.ERROR))
        span.end(now)


def note_status(span: Span, status: int, least: int = 500) -> None:
    """Have *span* say its HTTP *status*, which from *least* on is an error."""
    span.set_attribute("http.response.status_code", status)
    if status >= least:
        span.set_status(Status(StatusCode.ERROR))


def _model(event: Summarized | SummaryWasted) -> Attributes:
    """Return the attributes of a call to a model, by OpenTelemetry's conventions for them."""
    known = {
        "gen_ai.usage.input_tokens": event.prompt_tokens,
        "gen_ai.usage.output_tokens": event.completion_tokens,
        "gen_ai.usage.cache_read.input_tokens": event.cached_tokens,
        "lookup.cost_usd": event.usd,
    }
    return _asked("chat", event.model, event.source, known)


def _asked(
    operation: str, model: str, source: str, known: Mapping[str, int | float | None]
) -> Attributes:
    return {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": model,
        "lookup.source": source,
        **{name: value for name, value in known.items() if value is not None},
    }
