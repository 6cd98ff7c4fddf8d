"""What the headers of an answer say; every decision about them is here, and none does I/O."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from gateway.answer import Answer
from gateway.freshness import SUMMARY_RETRY, FreshnessSpec
from gateway.journey import Step
from storage.entry import Look

CACHE = "lookup-gateway"
"""Our name in ``Cache-Status`` (RFC 9211 §2)."""
_WORDS: Final = frozenset({"hit", "miss"})
"""Notes that most steps have: nothing is left out of them."""
_begins = attrgetter("start")
_UNQUOTED: Final = re.compile(r"[^A-Za-z0-9._:/@+ -]")
"""What of a note is left out of a quoted string: names of models come from a configuration."""


def cache_status(answer: Answer, *, forced: bool = False) -> str:
    """Return how we came by the answer, as RFC 9211 §2 writes it: a stale hit's ttl is negative.

    *forced*: the client would have no kept answer, whatever there was (RFC 9211 §2.2, request).
    """
    if answer.outcome in ("hit", "stale"):
        return kept_status(answer.ttl, answer.tier)
    if answer.outcome == "similar":
        return f"{CACHE}; fwd=miss; detail=similar"
    reason = "request" if forced else "stale" if answer.refreshed else "miss"
    stored = "; stored" if answer.stored else ""
    collapsed = "; collapsed" if answer.outcome == "collapsed" else ""
    return f"{CACHE}; fwd={reason}{stored}{collapsed}"


def kept_status(ttl: int | str, tier: str) -> str:
    """Return the ``Cache-Status`` of a kept answer; *ttl* may be a place for the number."""
    return f"{CACHE}; hit; ttl={ttl}; detail={tier}"


def cache_control(answer: Answer) -> str:
    """Return for how long caches on the way may keep the answer (RFC 9111 §5.2.2, RFC 5861).

    ``max-age`` counts from when the records were made, as ``Age`` does (RFC 9111 §4.2.3): of a
    stale answer it is less than ``Age``.
    """
    if "similar" in answer.degraded:
        return "no-store"
    if "summary" in answer.degraded or "partial" in answer.degraded:
        # What is missing may be there soon: a cache must not hold on to its absence.
        return f"max-age={answer.age + min(answer.ttl, int(SUMMARY_RETRY))}"
    return lifetime(answer.age + answer.ttl, answer.policy)


def lifetime(max_age: int | str, policy: FreshnessSpec) -> str:
    """Return the ``Cache-Control`` of a whole answer; *max_age* may be a place for the number."""
    return (
        f"max-age={max_age}, "
        f"stale-while-revalidate={int(policy.stale_while_revalidate)}, "
        f"stale-if-error={int(policy.stale_if_error)}"
    )


def entity_tag(content: str, view: str) -> str:
    """Return the ``ETag`` of the *content* (`Answer.etag`) as the *view* of a search shows it.

    It is weak, because one answer has it in every encoding (RFC 9110 §8.8.1).
    """
    opaque = content
    if view:
        opaque += "-" + hashlib.blake2b(view.encode(), digest_size=4).hexdigest()
    return f'W/"{opaque}"'


def server_timing(answer: Answer, seconds: float, steps: Sequence[Step] = ()) -> str:
    """Return where the time went: *seconds* in all, told by the tier that answered, and *steps*.

    A tier that was asked beside another and not waited for is a step too, ``left``.
    ``start`` is no parameter that browsers know; they pass over it (Server Timing §4).
    """
    whole = timing(answer.tier or "upstream", f"{seconds * 1000:.3f}")
    return ", ".join((whole, *map(_step, _in_order(steps, answer.looks))))


def _in_order(steps: Sequence[Step], looks: Sequence[Look]) -> list[Step]:
    """Return *steps* and those of *looks* that nobody noted, by when they began.

    They were over when the winner of their race was.
    """
    if not looks:
        return sorted(steps, key=_begins)
    raced = {look.tier for look in looks}
    end = max((step.start + step.seconds for step in steps if step.name in raced), default=0.0)
    noted = {step.name for step in steps}
    others = (
        Step(look.tier, look.state, max(0.0, end - look.seconds), look.seconds)
        for look in looks
        if look.tier not in noted
    )
    return sorted((*steps, *others), key=_begins)


def _step(step: Step) -> str:
    note = step.note if step.note in _WORDS else _UNQUOTED.sub("", step.note)
    milliseconds = f"dur={step.seconds * 1000:.3f};start={step.start * 1000:.3f}"
    return f'{step.name};desc="{note}";{milliseconds}'


def timing(tier: str, milliseconds: str) -> str:
    """Return a ``Server-Timing`` of one entry; *milliseconds* may be a place for the number."""
    return f'lookup;desc="{tier}";dur={milliseconds}'
