from __future__ import annotations

from bench.redis import Outcome, Rate
from bench.replicas import Outcome as Shared
from bench.tiers import report, rows


def figures(times: float) -> list[tuple[str, bool]]:
    """Return what stands in the table for figures that are so many times those that are wanted."""
    hits = Outcome(
        plain=Rate(1000, 100),
        tier=Rate(5000 * times, 20),
        without_p99=1,
        frozen_p99=1 + 4.9 / times,
        freezing_most=10 + 99 / times,
        without_most=10,
    )
    shared = Shared(
        hits={"SQLite": (1, 2 * times), "PostgreSQL": (1, 2 * times)},
        written={"asyncpg alone": Rate(20_000, 5), "write-behind": Rate(20_000 * times, 10)},
        seen={"doorbell": (19 / times, 30), "poll alone": (1499 / times, 1600)},
    )
    table = rows(hits, shared)
    assert report(table).count("\n") == len(table) + 1
    assert report(table).count("short of it") == sum(not row.well for row in table)
    return [(row.what, row.well) for row in table]


def test_all_targets_have_a_row_that_says_whether_they_are_reached() -> None:
    enough, too_little = figures(1.0), figures(0.9)
    assert len(enough) == 8
    assert all(well for _, well in enough)
    assert not any(well for _, well in too_little)
