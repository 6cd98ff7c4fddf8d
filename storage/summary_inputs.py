"""What summaries were made from, as vectors: those of one signature may share a summary."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from storage.sql import Database

_SELECT = "SELECT digest, vector FROM summary_inputs WHERE signature = ? LIMIT 50"
_UPSERT = """
    INSERT INTO summary_inputs (digest, signature, vector, keep_until) VALUES (?, ?, ?, ?)
    ON CONFLICT (digest) DO UPDATE SET
        signature = excluded.signature, vector = excluded.vector, keep_until = excluded.keep_until
"""
_PURGE = "DELETE FROM summary_inputs WHERE keep_until <= ?"

Vector = Sequence[float]


class SummaryInputs:
    """The ``summary_inputs`` of a database, which its owner opens and closes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, signature: str) -> dict[str, Vector]:
        """Return the vectors of the inputs of *signature* by digest; raise `TierError`."""
        rows = await self._database.rows(_SELECT, signature)
        return {digest: _floats(vector) for digest, vector in rows}

    async def put(self, digest: str, signature: str, vector: Vector, keep_until: float) -> None:
        """Keep an input until *keep_until* (Unix seconds); raise `TierError`."""
        packed = array("f", vector).tobytes()
        await self._database.change(_UPSERT, digest, signature, packed, keep_until)

    async def purge(self, now: float) -> int:
        """Remove the inputs whose ``keep_until`` is not after *now*; return how many."""
        return await self._database.change(_PURGE, now)


def _floats(packed: bytes) -> Vector:
    vector = array("f")
    vector.frombytes(packed)
    return vector
