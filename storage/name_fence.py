"""Which names may still be remembered, of those that a fetch brought. Pure.

A fetch that began before a withdrawal brings names too: what that covers is suggested no more.
"""

from __future__ import annotations

from collections.abc import Iterable

from storage.entry import Entry, Part
from storage.entry_rows import lines_of
from storage.sql import Row
from storage.withdrawals import SHARED, Withdrawals, holdings

STATE = "SELECT position, trimmed FROM invalidation_state"


def standing(
    space: str, items: Iterable[tuple[str, str]], since: int, trimmed: int, lines: Iterable[Row]
) -> list[tuple[str, str]]:
    """Return those ``(id, name)`` of *items* that no line of the log after *since* covers.

    *space* is a source's name, behind its tenant's and a slash where the names are not shared.
    """
    withdrawals = Withdrawals(since, floor=trimmed)
    withdrawals.apply(lines_of(lines))
    tenant, slash, source = space.partition("/")
    if not slash:
        tenant, source = SHARED, space
    return [
        item for item in items if not withdrawals.covers(_as_entry(tenant, source, item, since))
    ]


def _as_entry(tenant: str, source: str, item: tuple[str, str], since: int) -> Entry:
    number, name = item
    return Entry(
        key=f"v1:{tenant}:{source}:",
        source=source,
        head=b"",
        records=Part(b"", 0.0),
        summary=None,
        empty=False,
        keep_until=0.0,
        position=since,
        holds=holdings("", [(number, name.casefold())]),
    )
