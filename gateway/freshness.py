"""Every decision about age is here; nothing here does I/O.

A part is *fresh* for its time to live; *stale* while it may be served at once with a
refresh behind it (RFC 5861 §3, stale-while-revalidate); *expired* while it may only stand
in when the refresh fails (RFC 5861 §4, stale-if-error); then it is *missing*.
"""

from __future__ import annotations

import math
import zlib
from enum import IntEnum
from typing import Annotated

import msgspec

from adapters.sources.units import Duration, Share
from storage.entry import Entry, Part

SUMMARY_RETRY = 30.0
"""Seconds for which a summary that could not be had is not asked for again."""

REJECTED_RETRY = 21_600.0
"""The same for a summary that was refused: its input is what it was, and every try is paid."""

KEPT_NOWHERE = 0.0
"""The ``keep_until`` of an entry that is answered with and in no tier."""


class FreshnessSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``freshness:`` of a source."""

    ttl: Duration = Duration(86_400)
    """How long records are fresh."""
    negative_ttl: Duration = Duration(600)
    """How long "no match" is fresh."""
    stale_while_revalidate: Duration = Duration(21_600)
    """How long after that an answer is given at once while it is refreshed. An older one is
    waited for, as long as ``limits.soft_timeout``."""
    stale_if_error: Duration = Duration(604_800)
    """How long after its time to live an answer may stand in for a failed refresh."""
    summary_ttl: Duration = Duration(2_592_000)
    """How long a summary is kept for its input: while that is the same, it is not paid again."""
    jitter: Share = 0.05
    """Up to this share of a time to live is taken off, by key: not all expire at once."""
    early: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    """How eagerly hits renew what is about to expire, by what the fetch cost last time (XFetch):
    at 1 about so many seconds ahead as it took; 0: never."""


_UNLIKELY = 18.5
"""e to the minus this is below 10^-8."""


class Verdict(IntEnum):
    """What a policy says of a part now, from best to worst."""

    FRESH = 0
    STALE = 1
    EXPIRED = 2
    MISSING = 3


def records_ttl(entry: Entry, policy: FreshnessSpec) -> float:
    """Return for how many seconds the records of *entry* are fresh.

    What lacks a part of a composite source is believed no longer than "no match" is.
    """
    ttl = policy.negative_ttl if entry.empty else policy.ttl
    if entry.partial:
        ttl = min(ttl, policy.negative_ttl)
    return ttl * (1 - policy.jitter * _share(entry.key))


def judge_records(entry: Entry | None, policy: FreshnessSpec, now: float) -> Verdict:
    """Say what the records of *entry* are good for at *now* (Unix seconds)."""
    if entry is None:
        return Verdict.MISSING
    over = now - entry.records.at - records_ttl(entry, policy)
    if over < 0:
        return Verdict.FRESH
    if over < policy.stale_while_revalidate:
        return Verdict.STALE
    return Verdict.EXPIRED if over < policy.stale_if_error else Verdict.MISSING


def judge_summary(entry: Entry | None, now: float) -> Verdict:
    """Say what the summary of *entry* is good for; without records there is none to make."""
    if entry is None:
        return Verdict.MISSING
    if entry.empty:
        return Verdict.FRESH
    part = entry.summary
    if part is None:
        return Verdict.MISSING
    # A summary is named by its input and so stays right for as long as its records do (design §5).
    retry = failed(part) and now - part.at >= part.retry
    return Verdict.STALE if retry else Verdict.FRESH


def renews_early(entry: Entry, policy: FreshnessSpec, now: float, draw: float) -> bool:
    """Tell whether a hit at *now* renews the fresh *entry* behind its answer.

    *draw* is uniform in [0, 1). This is XFetch (Vattani, Chierichetti, Lowenstein, VLDB 2015):
    ``now - cost * beta * ln(draw) >= expiry``, so that each hit renews by itself, the more
    likely the nearer the expiry and the dearer the fetch. Never in the first half of a life:
    a fetch that takes as long as its answer holds must not be made all the time.
    """
    ttl = records_ttl(entry, policy)
    left = entry.records.at + ttl - now
    if not policy.early or not 0 < left <= ttl / 2:
        return False
    return -math.log(1.0 - draw) * entry.records.cost * policy.early >= left


def quiet_until(entry: Entry, policy: FreshnessSpec) -> float:
    """Return the Unix time up to which a hit of *entry* has nothing to decide.

    After it, it may be due for an early renewal: before, the odds are below one in 10^8.
    """
    ttl = records_ttl(entry, policy)
    ahead = min(ttl / 2, entry.records.cost * policy.early * _UNLIKELY)
    return entry.records.at + ttl - ahead


def failed(summary: Part) -> bool:
    """Whether *summary* stands for an attempt that brought none that may be kept."""
    return summary.retry > 0


def keep_until(entry: Entry, policy: FreshnessSpec) -> float:
    """Return the Unix time after which *entry* can serve nobody."""
    grace = max(policy.stale_while_revalidate, policy.stale_if_error)
    return entry.records.at + records_ttl(entry, policy) + grace


def capped(policy: FreshnessSpec, longest: float | None) -> FreshnessSpec:
    """Return *policy* so that nothing lives longer than *longest* seconds (an upstream's terms)."""
    if longest is None:
        return policy
    ttl, negative = min(policy.ttl, longest), min(policy.negative_ttl, longest)
    left = longest - max(ttl, negative)
    return msgspec.structs.replace(
        policy,
        ttl=Duration(ttl),
        negative_ttl=Duration(negative),
        stale_while_revalidate=Duration(min(policy.stale_while_revalidate, left)),
        stale_if_error=Duration(min(policy.stale_if_error, left)),
    )


def _share(key: str) -> float:
    """Return a number in [0, 1) that belongs to *key*: the same in every replica."""
    return zlib.crc32(key.encode()) / 2**32
