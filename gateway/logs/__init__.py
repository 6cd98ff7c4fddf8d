"""How the process logs: one JSON line per thing that happened, or colored text at a terminal.

Every line is redacted as it leaves, whoever wrote it: our own loggers and those of libraries.
"""

from __future__ import annotations

import logging
import math
import re
import sys
import time
from collections.abc import Callable, Collection, Mapping
from contextvars import ContextVar
from dataclasses import fields
from typing import Any, TextIO
from urllib.parse import quote, quote_plus

import orjson
import structlog
from structlog.typing import EventDict, Processor

from gateway.events import (
    BatchSubmitted,
    BudgetExhausted,
    CircuitChanged,
    Embedded,
    Event,
    Events,
    Failed,
    Fetched,
    FetchFailed,
    Responded,
    Served,
    Stored,
    Summarized,
    SummaryFailed,
    SummaryUnread,
    SummaryWasted,
    TierFailed,
    TierLost,
    TierRead,
    TierReturned,
    TiersRaced,
)
from gateway.instants import instant

REPEAT_AFTER = 60.0
"""Seconds for which the same fault is counted and not told again."""
MOST_FAULTS = 1000
"""So many faults are told apart; they are made of names of the configuration and words of ours."""
OF_REQUEST: ContextVar[Callable[[], Mapping[str, str]] | None] = ContextVar(
    "of_request", default=None
)
"""What lines of this context say of the request that they belong to: asked for when one is told,
which is not once in a hundred hits."""
_HIDDEN = "***"
_MIN_SECRET = 4
"""Shorter values are no secrets; hiding them would only garble every line."""

_MARKS = ("key", "token", "secret", "passw", "authorization")
"""Without one of these a line has no credential: looking for them is cheap, the search is not."""
_CREDENTIAL = re.compile(
    r"(?i)((?:service_?key|api_?key|access_?key|consumer_?key|client_?secret|(?<![a-z_])token"
    r"|secret|password|passwd|authorization)\\?[\"']?\s*[=:]\s*\\?[\"']?(?:(?:bearer|basic|kakaoak)\s+)?)"
    r"(?!null\b|\*)[^\s&\"'\\,;})]+"
)
_USERINFO = re.compile(r"(?<=://)[^/\s:@\"]*:[^/\s@\"]+(?=@)")


def configure(
    *,
    level: str = "info",
    stream: TextIO | None = None,
    console: bool | None = None,
    secrets: Collection[str] = (),
) -> None:
    """Send every log line to *stream* (standard error), as text if *console* (a terminal) is true.

    *secrets* are values that must not be in any line, beside what looks like a credential.
    """
    out = sys.stderr if stream is None else stream
    as_text = out.isatty() if console is None else console
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _merge_request,
        structlog.processors.add_log_level,
        _stamp,
    ]
    render = _renderers(as_text=as_text, hide=redactor(secrets))
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    # Libraries speak only when something is wrong: what they do, our own events tell.
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)


def redactor(secrets: Collection[str] = ()) -> Callable[[str], str]:
    """Return a function that hides *secrets*, and what looks like a credential, in a line."""
    known = {form for secret in secrets if len(secret) >= _MIN_SECRET for form in _forms(secret)}
    longest_first = sorted(known, key=len, reverse=True)
    literal = re.compile("|".join(map(re.escape, longest_first))) if known else None

    def hide(line: str) -> str:
        if literal is not None:
            line = literal.sub(_HIDDEN, line)
        folded = line.lower()
        if any([mark in folded for mark in _MARKS]):  # noqa: C419 - a generator takes thrice as long
            line = _CREDENTIAL.sub(rf"\1{_HIDDEN}", line)
        return _USERINFO.sub(_HIDDEN, line) if "://" in line else line

    return hide


class EventLog:
    """Listens to the gateway's events and logs them; *clock* is monotonic, in seconds.

    What goes as it should is told at debug; failures and changes stand out. The same fault (of a
    tier, a source, a model) is one line a minute, however many lookups meet it, and the next line
    says how often it came in between.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told: dict[tuple[object, ...], tuple[float, int]] = {}
        # Bound once: an unbound logger is made anew for each line.
        self._log = structlog.get_logger("gateway.events").bind()
        self._verbose = self._log.is_enabled_for(logging.DEBUG)

    @property
    def kinds(self) -> tuple[type[Event], ...]:
        """The kinds of events that it logs; empty: all of them."""
        if self._verbose:
            return ()
        return tuple(kind for kind, (_, method) in _LINES.items() if method != "debug")

    def __call__(self, event: Event) -> None:
        """Log *event*."""
        name, method = _LINES.get(type(event), (type(event).__name__, "debug"))
        if method == "debug" and not self._verbose:
            return
        members = _members(event)
        if type(event) in _REPEATED:
            repeats = self._repeats(event)
            if repeats is None:
                return
            if repeats:
                members["repeats"] = repeats
        getattr(self._log, method)(name, **members)

    def _repeats(self, event: Event) -> int | None:
        """Return how often the same was kept back since it was last told; None: this one is too."""
        members = (getattr(event, name, "") for name in _SAME)
        fault, now = (type(event), *members), self._clock()
        last, kept_back = self._told.get(fault, (-math.inf, 0))
        if now - last < REPEAT_AFTER:
            self._told[fault] = last, kept_back + 1
            return None
        if len(self._told) >= MOST_FAULTS:
            self._told.clear()
        self._told[fault] = now, 0
        return kept_back


def logged(clock: Callable[[], float]) -> Events:
    """Return events that are logged; *clock* is monotonic, in seconds."""
    events, log = Events(), EventLog(clock)
    events.subscribe(log, *log.kinds)
    return events


_LINES: dict[type[Event], tuple[str, str]] = {
    Served: ("lookup.served", "debug"),
    Failed: ("lookup.failed", "warning"),
    Fetched: ("upstream.answered", "debug"),
    FetchFailed: ("upstream.failed", "warning"),
    Summarized: ("summary.written", "debug"),
    SummaryFailed: ("summary.failed", "warning"),
    SummaryWasted: ("summary.wasted", "debug"),
    SummaryUnread: ("summary.unread", "debug"),
    Embedded: ("summary.embedded", "debug"),
    BatchSubmitted: ("batch.submitted", "info"),
    BudgetExhausted: ("budget.exhausted", "warning"),
    Stored: ("entry.stored", "debug"),
    TierRead: ("tier.read", "debug"),
    TiersRaced: ("tiers.raced", "debug"),
    TierFailed: ("tier.failed", "warning"),
    TierLost: ("tier.lost", "warning"),
    TierReturned: ("tier.returned", "warning"),
    CircuitChanged: ("circuit.changed", "warning"),
    Responded: ("request.answered", "debug"),
}
_REPEATED = frozenset({Failed, FetchFailed, SummaryFailed, TierFailed})
"""What a dead upstream has a thousand of."""
_SAME = ("source", "tier", "operation", "kind", "reason")
"""Members by which two of them are the same."""


def _members(event: Event) -> dict[str, Any]:
    # An event's own slots, in order: `dataclasses.asdict` would copy each value deeply.
    return {each.name: getattr(event, each.name) for each in fields(event) if each.repr}


def _merge_request(_logger: object, _method: str, event: EventDict) -> EventDict:
    members = OF_REQUEST.get()
    return event if members is None else {**members(), **event}


def _stamp(_logger: object, _method: str, event: EventDict) -> EventDict:
    return {**event, "timestamp": instant(time.time(), 6)}


def _renderers(*, as_text: bool, hide: Callable[[str], str]) -> list[Processor]:
    def redact(_logger: object, _method: str, line: str | EventDict) -> str:
        return hide(str(line))

    if as_text:
        console = structlog.dev.ConsoleRenderer(
            exception_formatter=structlog.dev.plain_traceback, pad_event_to=24
        )
        return [console, redact]
    return [structlog.processors.format_exc_info, _json, redact]


def _json(_logger: object, _method: str, event: EventDict) -> str:
    return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()


def _forms(secret: str) -> set[str]:
    """Return *secret* as it stands in text, in a URL and within JSON."""
    whole = {secret, quote(secret, safe=""), quote_plus(secret)}
    return {orjson.dumps(form)[1:-1].decode() for form in whole} | whole
