"""From what is kept, or has landed, to an answer: what it is worth now, and what it lacks. Pure."""

from __future__ import annotations

from gateway.answer import Answer, Outcome, degradations
from gateway.events import Served
from gateway.flights.landed import Landed
from gateway.freshness import KEPT_NOWHERE, Verdict, judge_records, judge_summary
from gateway.lookup import Lookup
from gateway.route import Route
from gateway.spend.prices import priced
from storage.entry import Entry, Found


def judge(found: Found | None, route: Route, now: float, *, want_summary: bool) -> Verdict:
    """Say what was *found* is good for at *now*, with its summary if one is wanted."""
    entry = entry_of(found)
    records = judge_records(entry, route.freshness, now)
    summary = judge_summary(entry, now) if want_summary else Verdict.FRESH
    return max(records, summary)


def kept_answer(
    found: Found, route: Route, outcome: Outcome, now: float, *, want_summary: bool
) -> Answer:
    """Return what was *found* as an answer."""
    entry = found.entry
    old = judge_records(entry, route.freshness, now) is not Verdict.FRESH
    degraded = degradations(entry, stale=old, summary_expected=want_summary)
    return Answer(entry, route.freshness, outcome, found.tier, now, degraded, looks=found.looks)


def landed_answer(
    landed: Landed[Entry], route: Route, now: float, *, want_summary: bool, refreshed: bool
) -> Answer:
    """Return what a flight brought as an answer; *refreshed*: in place of an older one."""
    entry = landed.value
    return Answer(
        entry,
        route.freshness,
        "collapsed" if landed.collapsed else "miss",
        tier="",
        now=now,
        degraded=degradations(entry, stale=False, summary_expected=want_summary),
        stored=entry.keep_until > KEPT_NOWHERE,
        refreshed=refreshed,
    )


def served(lookup: Lookup, answer: Answer, seconds: float, *, want_summary: bool) -> Served:
    """Return what there is to tell of an *answer* that took *seconds*."""
    paid = priced(answer.entry.bill if want_summary else None)
    told = (lookup.source, lookup.key, answer.outcome, answer.tier, seconds, *paid)
    return Served(*told, tenant=lookup.asker, age=answer.age, asked=lookup)


def entry_of(found: Found | None) -> Entry | None:
    """Return the entry that was *found*, if any was."""
    return None if found is None else found.entry
