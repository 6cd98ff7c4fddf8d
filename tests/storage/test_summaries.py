from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from storage.database import open_database
from storage.entry import Bill, Part
from storage.sqlite import open_sqlite
from storage.summaries import SummaryStore
from storage.tier import TierError

SUMMARY = Part(b'{"text":"t"}', 100.0, 2.5, "digest")


async def test_a_summary_is_found_by_its_digest_after_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "lookup.db")
    database = await open_sqlite(path)
    await SummaryStore(database).put(SUMMARY, 1000.0)
    await database.close()

    database = await open_sqlite(path)
    store = SummaryStore(database)
    assert await store.get("digest") == SUMMARY
    assert await store.get("another") is None
    await database.close()


@pytest.mark.parametrize(
    "bill", [None, Bill("m"), Bill("m", 10, 4, 3, 0.1 + 0.2), Bill("m", 10, None, 3, 0.0)]
)
async def test_what_was_paid_is_kept_and_what_is_unknown_stays_so(bill: Bill | None) -> None:
    database = await open_sqlite(":memory:")
    store = SummaryStore(database)
    await store.put(SUMMARY, 1000.0)
    await store.put(msgspec.structs.replace(SUMMARY, bill=bill), 1000.0)
    assert await store.get("digest") == msgspec.structs.replace(SUMMARY, bill=bill)
    await database.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_a_refusal_is_kept_and_takes_no_summarys_place(kind: str, postgres_url: str) -> None:
    tier = await open_database(postgres_url if kind == "postgres" else "sqlite+aiosqlite://")
    store = tier.summaries
    refused = msgspec.structs.replace(SUMMARY, body=b"null", retry=60.0)
    await store.put(refused, 1000.0)
    assert await store.get("digest") == refused
    await store.put(SUMMARY, 1000.0)
    assert await store.get("digest") == SUMMARY
    await store.put(refused, 1000.0)
    assert await store.get("digest") == SUMMARY
    await tier.close()


async def test_what_is_past_its_time_is_removed() -> None:
    database = await open_sqlite(":memory:")
    store = SummaryStore(database)
    await store.put(SUMMARY, 1000.0)
    assert await store.purge(999.0) == 0
    assert await store.purge(1000.0) == 1
    assert await store.get("digest") is None
    await database.close()


async def test_a_table_that_is_gone_is_a_tier_error() -> None:
    database = await open_sqlite(":memory:")
    store = SummaryStore(database)
    await database.write(lambda connection: connection.execute("DROP TABLE summaries"))
    with pytest.raises(TierError, match="summaries"):
        await store.get("digest")
    with pytest.raises(TierError, match="summaries"):
        await store.put(SUMMARY, 0.0)
    with pytest.raises(TierError, match="summaries"):
        await store.purge(0.0)
    await database.close()
