"""What was counted, in Prometheus' families: names with units, ``_total`` for what only grows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from gateway.metrics.counts import Counts
from gateway.metrics.histograms import Histograms, Labels
from gateway.metrics.money import MoneyCounts

MICRO = 1000
"""Billionths in a millionth."""


def families(counts: Counts) -> Iterator[Metric]:
    """Yield all that events have told."""
    yield from _http(counts)
    yield from _lookups(counts)
    yield from _upstreams(counts)
    yield from _rest(counts)
    yield from _money(counts.money)


def counter(name: str, help_: str, labels: Sequence[str], values: Mapping[Labels, float]) -> Metric:
    """Return a counter; its name is told with ``_total``."""
    family = CounterMetricFamily(name, help_, labels=labels)
    for label, value in [*values.items()]:
        family.add_metric(label, value)
    return family


def gauge(
    name: str, help_: str, labels: Sequence[str], values: Iterable[tuple[Labels, float]]
) -> Metric:
    """Return a gauge."""
    family = GaugeMetricFamily(name, help_, labels=labels)
    for label, value in values:
        family.add_metric(label, value)
    return family


def histogram(name: str, help_: str, labels: Sequence[str], values: Histograms) -> Metric:
    """Return a histogram."""
    family = HistogramMetricFamily(name, help_, labels=labels)
    for label, each in values:
        family.add_metric(label, each.cumulated(), each.sum)
    return family


def _http(counts: Counts) -> Iterator[Metric]:
    yield counter(
        "lookup_http_requests",
        "Requests by route, method, status and where their answer came from.",
        ("route", "method", "status", "tier"),
        counts.responses,
    )
    yield histogram(
        "lookup_http_request_duration_seconds",
        "From the head of a request to its answer. Hits that are answered before the request is "
        "parsed count with the mean of their second.",
        ("route", "tier"),
        counts.response_seconds,
    )
    yield histogram(
        "lookup_http_request_database_queries",
        "How often the database was asked for one request.",
        ("route",),
        counts.queries,
    )


def _lookups(counts: Counts) -> Iterator[Metric]:
    yield counter(
        "lookup_answers",
        "Lookups that were answered, in batches and streams too.",
        ("source", "outcome", "tier"),
        counts.answers,
    )
    yield histogram(
        "lookup_answer_duration_seconds",
        "How long lookups took, by how they were answered.",
        ("outcome", "tier"),
        counts.answer_seconds,
    )
    yield histogram(
        "lookup_answer_age_seconds", "How old the records served were.", ("source",), counts.ages
    )
    yield counter(
        "lookup_failures",
        "Lookups that could not be answered, by the kind of the error.",
        ("source", "kind"),
        counts.failures,
    )
    yield counter("lookup_tier_reads", "Looks into a tier.", ("tier", "result"), counts.reads)
    yield histogram(
        "lookup_tier_read_duration_seconds",
        "How long a look into a tier took.",
        ("tier",),
        counts.read_seconds,
    )
    yield counter(
        "lookup_tier_failures",
        "Operations that a tier could not do; the others went on.",
        ("tier", "operation"),
        counts.tier_failures,
    )


def _upstreams(counts: Counts) -> Iterator[Metric]:
    yield counter(
        "lookup_upstream_calls",
        "Fetches from an upstream, by their result: ok, or the kind of the error.",
        ("source", "result"),
        counts.calls,
    )
    yield histogram(
        "lookup_upstream_call_duration_seconds",
        "How long a fetch took, retries and waits included.",
        ("source",),
        counts.call_seconds,
    )
    yield counter(
        "lookup_circuit_changes",
        "Circuits that opened, closed or let a trial through.",
        ("upstream", "state"),
        counts.circuits,
    )
    yield counter(
        "lookup_summaries",
        "Summaries by outcome, with the reason where there is none.",
        ("source", "outcome", "reason"),
        counts.summaries,
    )
    yield histogram(
        "lookup_summary_duration_seconds",
        "How long a summary took to write.",
        ("writer",),
        counts.summary_seconds,
    )


def _rest(counts: Counts) -> Iterator[Metric]:
    yield counter(
        "lookup_entries_stored",
        "Entries put into the tiers, and whether they say something else than before.",
        ("source", "changed"),
        counts.stored,
    )
    yield counter(
        "lookup_invalidations", "Withdrawals applied here.", ("scope",), counts.invalidated
    )
    yield counter(
        "lookup_budget_exhaustions",
        "Times that a budget had no room left for those of a priority; once a day each.",
        ("scope", "priority"),
        counts.exhausted,
    )
    yield counter(
        "lookup_audited_actions", "Things that somebody changed.", ("action",), counts.audited
    )


def _money(money: MoneyCounts) -> Iterator[Metric]:
    labels = ("source", "model", "tenant_class")
    yield counter(
        "lookup_llm_tokens", "Tokens of calls to models.", (*labels, "type"), money.tokens
    )
    yield counter("lookup_llm_calls", "Calls to models that cost.", labels, money.calls)
    yield counter(
        "lookup_llm_unpriced_calls",
        "Calls of which nobody knows what they cost.",
        labels,
        money.unknown,
    )
    for name, what, values in (
        ("spent", "What calls to models cost.", money.spent),
        ("saved", "What the calls had cost that were not made again.", money.saved),
        ("wasted", "What calls cost that brought nothing.", money.wasted),
    ):
        micro = {label: nanos / MICRO for label, nanos in [*values.items()]}
        yield counter(
            f"lookup_llm_{name}_micro_usd", f"{what} In millionths of a dollar.", labels, micro
        )
