"""A database of each kind, for what keeps things in either alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.database import DatabaseTier, open_database


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty database is."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'lookup.db'}"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
async def database(url: str) -> AsyncIterator[DatabaseTier]:
    """That one, opened."""
    opened = await open_database(url)
    yield opened
    await opened.close()
