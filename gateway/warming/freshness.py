"""Which of many lookups are fresh, asked of the database in few statements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from gateway.answering import judge
from gateway.freshness import Verdict
from gateway.lookup import Lookup
from gateway.route import Route
from storage.entry import Entry, Found
from storage.survey import AT_ONCE, Survey


async def fresh_among(
    survey: Survey,
    routes: Mapping[str, Route],
    lookups: Sequence[Lookup],
    clock: Callable[[], float],
    room: Callable[[], bool] = lambda: False,
) -> set[str]:
    """Return the keys of those that need nothing; memory gets them while *room* says so.

    Raise `TierError`.
    """
    fresh: set[str] = set()
    for start in range(0, len(lookups), AT_ONCE):
        part = lookups[start : start + AT_ONCE]
        sources = {lookup.key: lookup.source for lookup in part}

        def is_fresh(entry: Entry, sources: Mapping[str, str] = sources) -> bool:
            return needs_nothing(entry, routes[sources[entry.key]], clock())

        found = await survey.find(list(sources), lambda entry: room() and is_fresh(entry))
        fresh.update(entry.key for entry in found.values() if is_fresh(entry))
    return fresh


def needs_nothing(entry: Entry, route: Route, now: float) -> bool:
    """Whether a warm-up would leave *entry* as it is."""
    found, wanted = Found(entry, ""), route.summarizer is not None
    return judge(found, route, now, want_summary=wanted) is Verdict.FRESH


def distinct(lookups: Iterable[Lookup]) -> list[Lookup]:
    """Return *lookups* in their order, each key once."""
    return list({lookup.key: lookup for lookup in lookups}.values())
