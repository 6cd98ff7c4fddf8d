"""Watches: lookups that are repeated on a schedule, with what they saw last; and webhooks due."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace

from storage.sql import Database

_COLUMNS = (
    "id, tenant, who, asked, schedule, zone, note, category, webhook, created, due, checked, "
    "changed, error, digest, seen"
)
_PLACES = ", ".join("?" * 16)
_SELECT = f"SELECT {_COLUMNS} FROM watches"  # noqa: S608 - a constant
_ADD = f"INSERT INTO watches ({_COLUMNS}) VALUES ({_PLACES})"  # noqa: S608 - a constant
_CHANGE = """
    UPDATE watches SET asked = ?, schedule = ?, zone = ?, note = ?, category = ?, webhook = ?,
        due = ?, error = ?, digest = ?, seen = ? WHERE id = ? AND tenant = ?
"""
_SAW = """
    UPDATE watches SET due = ?, checked = ?, changed = ?, error = ?, digest = ?, seen = ?
    WHERE id = ? AND asked = ? AND schedule = ?
"""


@dataclass(frozen=True, slots=True)
class Watch:
    """A lookup that its owner wants to be kept fresh. Times are in Unix seconds."""

    id: str
    tenant: str
    who: str
    """The name of the key or token that made it."""
    asked: str
    """The lookup as text, of which this package knows nothing."""
    schedule: str
    zone: str
    note: str
    category: str
    webhook: str
    """Empty: nobody is called."""
    created: float
    due: float
    checked: float = 0.0
    """When it was last looked up; 0: never."""
    changed: float = 0.0
    """When the last change was seen; 0: none was."""
    error: str = ""
    """Why the last lookup failed; empty: it did not."""
    digest: str = ""
    """Names the records that were seen last; empty: none were."""
    seen: bytes = b""
    """Those records, encoded by whoever keeps them."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A call of a webhook that is still to be made."""

    id: str
    watch: str
    url: str
    body: str
    tries: int
    due: float


class WatchStore:
    """The ``watches`` and ``webhooks`` of a database; every method raises `TierError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, watch: Watch) -> None:
        """Keep a new one."""
        await self._database.change(_ADD, *astuple(watch))

    async def of(self, tenant: str) -> list[Watch]:
        """Return those of *tenant*, the oldest first."""
        rows = await self._database.rows(f"{_SELECT} WHERE tenant = ? ORDER BY created", tenant)
        return [Watch(*row) for row in rows]

    async def get(self, watch: str, tenant: str) -> Watch | None:
        """Return the watch of that id if it is *tenant*'s."""
        rows = await self._database.rows(f"{_SELECT} WHERE id = ? AND tenant = ?", watch, tenant)
        return Watch(*rows[0]) if rows else None

    async def count(self, tenant: str) -> int:
        """Return how many *tenant* has."""
        statement = "SELECT count(*) FROM watches WHERE tenant = ?"
        return int((await self._database.rows(statement, tenant))[0][0])

    async def change(self, watch: Watch) -> bool:
        """Keep what its owner may change of *watch*; False where it is gone."""
        values = (watch.asked, watch.schedule, watch.zone, watch.note, watch.category)
        state = (watch.webhook, watch.due, watch.error, watch.digest, watch.seen)
        changed = await self._database.change(_CHANGE, *values, *state, watch.id, watch.tenant)
        return bool(changed)

    async def remove(self, watch: str, tenant: str) -> bool:
        """Forget a watch and its calls; False where *tenant* has none of that id."""
        async with self._database.transaction() as transaction:
            removed = await transaction.change(
                "DELETE FROM watches WHERE id = ? AND tenant = ?", watch, tenant
            )
            if removed:
                await transaction.change("DELETE FROM webhooks WHERE watch = ?", watch)
        return bool(removed)

    async def claim(self, now: float, until: float, most: int) -> list[Watch]:
        """Return watches that are due; each is due again *until* then, for nobody else before.

        Of several replicas that ask at once one has each: it alone has changed what it read.
        """
        rows = await self._database.rows(
            f"{_SELECT} WHERE due <= ? ORDER BY due LIMIT ?", now, most
        )
        statement = "UPDATE watches SET due = ? WHERE id = ? AND due = ?"
        return [
            replace(watch, due=until)
            for watch in (Watch(*row) for row in rows)
            if await self._database.change(statement, until, watch.id, watch.due)
        ]

    async def saw(self, watch: Watch, call: Delivery | None = None) -> bool:
        """Keep what *watch* has seen and when it is due next, and the *call* that this causes.

        False, and nothing is kept, where its owner has changed or removed it meanwhile.
        """
        state = (watch.due, watch.checked, watch.changed, watch.error, watch.digest, watch.seen)
        async with self._database.transaction() as transaction:
            kept = await transaction.change(_SAW, *state, watch.id, watch.asked, watch.schedule)
            if kept and call is not None:
                await transaction.change(
                    "INSERT INTO webhooks (id, watch, url, body, tries, due) "
                    "VALUES (?, ?, ?, ?, ?, ?)",
                    *astuple(call),
                )
        return bool(kept)

    async def claim_calls(self, now: float, until: float, most: int) -> list[Delivery]:
        """Return calls that are due, as `claim` does watches."""
        rows = await self._database.rows(
            "SELECT id, watch, url, body, tries, due FROM webhooks WHERE due <= ? "
            "ORDER BY due LIMIT ?",
            now,
            most,
        )
        statement = "UPDATE webhooks SET due = ? WHERE id = ? AND due = ?"
        return [
            replace(call, due=until)
            for call in (Delivery(*row) for row in rows)
            if await self._database.change(statement, until, call.id, call.due)
        ]

    async def called(self, call: Delivery) -> None:
        """Forget *call*: it was made, or given up."""
        await self._database.change("DELETE FROM webhooks WHERE id = ?", call.id)

    async def call_later(self, call: Delivery) -> None:
        """Keep its tries and when it is due."""
        statement = "UPDATE webhooks SET tries = ?, due = ? WHERE id = ?"
        await self._database.change(statement, call.tries, call.due, call.id)
