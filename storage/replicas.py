"""Which processes follow the log of invalidations, and how far each has come."""

from __future__ import annotations

from typing import NamedTuple

from storage.sql import Database


class Behind(NamedTuple):
    """A process that has not applied a position yet."""

    id: str
    beat: int
    """Grows while it lives."""


class Replicas:
    """The table of them. Its rows have no times: who waits for one measures with its own clock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def join(self, replica: str) -> None:
        """Have withdrawals wait for *replica* from now on; raise `TierError`."""
        await self._database.change(
            "INSERT INTO replicas (id, position, beat) SELECT ?, position, 0 "
            "FROM invalidation_state WHERE true ON CONFLICT (id) DO NOTHING",
            replica,
        )

    async def beat(self, replica: str, position: int) -> bool:
        """Say that *replica* lives and has applied *position*; raise `TierError`.

        False: it was taken for dead, and nobody waits for it any more.
        """
        update = "UPDATE replicas SET position = ?, beat = beat + 1 WHERE id = ?"
        return await self._database.change(update, position, replica) > 0

    async def leave(self, replica: str) -> None:
        """Have nobody wait for *replica* any more; raise `TierError`."""
        await self._database.change("DELETE FROM replicas WHERE id = ?", replica)

    async def behind(self, position: int) -> list[Behind]:
        """Return those that have not applied *position*; raise `TierError`."""
        select = "SELECT id, beat FROM replicas WHERE position < ?"
        return [Behind(*row) for row in await self._database.rows(select, position)]

    async def bury(self, dead: Behind) -> None:
        """Remove one that has not beaten since; raise `TierError`."""
        delete = "DELETE FROM replicas WHERE id = ? AND beat = ?"
        await self._database.change(delete, dead.id, dead.beat)

    async def others(self, replica: str) -> int:
        """Return how many there are beside *replica*; raise `TierError`."""
        count = "SELECT count(*) FROM replicas WHERE id <> ?"
        return int((await self._database.rows(count, replica))[0][0])
