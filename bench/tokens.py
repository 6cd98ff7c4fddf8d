"""API keys for a benchmark: made in the gateway's own table, as many as it wants."""

from __future__ import annotations

from gateway.access.identity import READING
from gateway.access.keys import new_key
from storage.access import ApiKeyStore
from storage.database import open_database


async def make_keys(url: str, tenants: int, keys: int, rate: str = "") -> list[str]:
    """Return *keys* API keys, shared evenly among *tenants*, kept in the database at *url*."""
    database = await open_database(url)
    try:
        store, shown = ApiKeyStore(database.database), []
        for number in range(keys):
            tenant = f"tenant-{number % tenants}"
            key, text = new_key(tenant, READING, created=1.0, rate=rate, note="bench")
            await store.add(key.row)
            shown.append(text)
        return shown
    finally:
        await database.close()
