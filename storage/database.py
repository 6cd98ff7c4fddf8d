"""The tier in a database: slower than memory, and still there after a restart."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from storage.batching import Batcher
from storage.entry import Entry, decode
from storage.entry_rows import EntryRows, Kept
from storage.liveness import OnChange
from storage.name_index import NameIndex
from storage.observation import Observer, PoolState
from storage.postgres import PoolSettings, Postgres, open_postgres
from storage.postgres_entries import PostgresEntries
from storage.postgres_fills import PostgresFills
from storage.postgres_names import PostgresNameIndex
from storage.postgres_reads import PostgresReads
from storage.postgres_summaries import PostgresSummaryStore
from storage.sqlite import FAULTS, MEMORY, Sqlite, open_sqlite
from storage.sqlite_entries import SqliteEntries
from storage.summaries import SummaryStore
from storage.tier import TierError, WithdrawnError

KEYS_PER_STATEMENT = 512
PURGE_ROWS = 500
"""Rows that one transaction of a purge deletes, so that other writes get their turn."""

_PURGE = "DELETE FROM entries WHERE key IN (SELECT key FROM entries WHERE keep_until <= ? LIMIT ?)"


async def open_database(
    url: str,
    pool: PoolSettings = PoolSettings(),  # noqa: B008 - frozen
    replicas: Sequence[str] = (),
) -> DatabaseTier:
    """Open the database at *url*, making (SQLite) and migrating it.

    ``sqlite+aiosqlite:///file``, or ``postgresql+asyncpg://user:password@host/name`` with *pool*
    and *replicas*, which may be away. Raises `TierError` that names the database and says why it
    cannot be opened.
    """
    parsed = _parsed(url)
    engine = parsed.get_backend_name()
    if engine == "sqlite":
        return DatabaseTier(await open_sqlite(parsed.database or MEMORY))
    if engine in ("postgresql", "postgres"):
        primary = await open_postgres(parsed, pool)
        reads = PostgresReads(primary, [Postgres(_parsed(each), pool) for each in replicas])
        await reads.start()
        return DatabaseTier(primary, reads=reads)
    raise TierError(f"cannot open {parsed}: {engine} is not supported")


class DatabaseTier:
    """Keeps entries as rows of a database.

    Reads that come together become one statement, writes one transaction; a write returns after
    its commit. *clock* gives the Unix time that stands in ``stored_at``.
    """

    name = "database"

    def __init__(
        self,
        database: Sqlite | Postgres,
        clock: Callable[[], float] = time.time,
        reads: PostgresReads | None = None,
    ) -> None:
        self.database = database
        self.reads = reads
        """Where a PostgreSQL server's reads go."""
        self._clock = clock
        self._entries, self.names, self.summaries = _stores(database, reads)
        self._reads: Batcher[str, Kept] = Batcher(self._entries.find, KEYS_PER_STATEMENT)

    def observe(self, observer: Observer) -> None:
        """Tell *observer* of what is done from now on, on replicas too."""
        for server in (self.database, *self._replicas):
            server.observer = observer

    def on_change(self, told: OnChange) -> None:
        """Have *told* be told when the server falls silent, and when it answers again."""
        if isinstance(self.database, Postgres):
            self.database.on_change(told)

    def pools(self) -> dict[str, PoolState]:
        """Return the state of each server's pool by its name; SQLite has none."""
        servers = (self.database, *self._replicas)
        return {server.name: server.pool for server in servers if isinstance(server, Postgres)}

    def queued(self) -> dict[str, int]:
        """Return how many jobs wait for each thread of SQLite; a server has its pool."""
        return self.database.queued if isinstance(self.database, Sqlite) else {}

    @property
    def _replicas(self) -> tuple[Postgres, ...]:
        return () if self.reads is None else self.reads.servers

    async def get(self, key: str) -> Entry | None:
        """Return the entry or None; raise `CorruptEntryError` on foreign bytes, or `TierError`.

        Its position is where the log stood when it was read: it was not withdrawn up to there.
        """
        self.database.observer.asked()
        try:
            kept = await self._reads.submit(key)
        except FAULTS as error:
            raise TierError(f"the database {self.database.name}: {error}") from error
        if kept.wire is None:
            return None
        entry = decode(kept.wire)
        if entry.position >= kept.position:
            return entry
        return msgspec.structs.replace(entry, position=kept.position)

    async def put(self, entry: Entry) -> None:
        """Keep *entry*; return after the commit, or raise `TierError`.

        Raise `WithdrawnError` where it was withdrawn after its fetch had begun.
        """
        self.database.observer.asked()
        try:
            kept = await self._entries.put(entry, self._clock())
        except FAULTS as error:
            raise TierError(f"the database {self.database.name}: {error}") from error
        if not kept:
            raise WithdrawnError(f"{entry.key} was withdrawn while it was fetched")

    async def put_many(self, entries: Sequence[Entry]) -> Sequence[WithdrawnError | None]:
        """Keep *entries*, of which no two have one key; return for each if it was withdrawn.

        Return after the commit, or raise `TierError`. Two calls at once must not share a key.
        """
        try:
            kept = await self._entries.put_many(entries, self._clock())
        except FAULTS as error:
            raise TierError(f"the database {self.database.name}: {error}") from error
        return [
            None if stands else WithdrawnError(f"{entry.key} was withdrawn while it was fetched")
            for entry, stands in zip(entries, kept, strict=True)
        ]

    async def drop(self, keys: Sequence[str]) -> int:
        """Forget *keys*; return how many of them it had, or raise `TierError`."""
        doomed = list(dict.fromkeys(keys))
        return await self._entries.drop(doomed) if doomed else 0

    async def purge(self, now: float) -> int:
        """Remove the entries whose ``keep_until`` is not after *now*; return how many."""
        removed = 0
        while True:
            count = await self.database.change(_PURGE, now, PURGE_ROWS)
            removed += count
            if count < PURGE_ROWS:
                return removed

    async def ping(self) -> None:
        """Return if the table can be read; raise `TierError` saying why it cannot."""
        await self.database.rows("SELECT 1 FROM entries LIMIT 1")

    async def close(self) -> None:
        """Finish what was asked for and close the database."""
        await self._reads.settled()
        if self.reads is not None:
            await self.reads.close()
        await self.database.close()


def _stores(
    database: Sqlite | Postgres, reads: PostgresReads | None
) -> tuple[EntryRows, NameIndex, SummaryStore]:
    """Return what a lookup reads and writes: entries, names and summaries."""
    if isinstance(database, Sqlite):
        return SqliteEntries(database), NameIndex(database), SummaryStore(database)
    fills = PostgresFills(database, reads or PostgresReads(database))
    return PostgresEntries(fills), PostgresNameIndex(fills), PostgresSummaryStore(fills)


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError) as error:  # the latter for a port that is none
        # The text itself stays out of the message: it may hold a password.
        raise TierError("the database's URL is none (try sqlite+aiosqlite:///file)") from error
