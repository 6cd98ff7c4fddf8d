"""Who may ask, as tables: API keys, refresh tokens, and the audit of what was done by whom."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import NamedTuple

from storage.sql import Database

_KEY = ("id", "hash", "tenant", "scopes", "sources", "rate", "note", "created", "expires")
_KEYS = f"SELECT {', '.join(_KEY)}, revoked FROM api_keys ORDER BY created, id"  # noqa: S608 - names of ours
_ADD_KEY = f"INSERT INTO api_keys ({', '.join(_KEY)}) VALUES (?{', ?' * (len(_KEY) - 1)})"  # noqa: S608 - names of ours
_REVOKE = "UPDATE api_keys SET revoked = ? WHERE id = ? AND revoked IS NULL"
_ADD = (
    "INSERT INTO refresh_tokens (hash, family, parent, grants, expires, used) "
    "VALUES (?, ?, ?, ?, ?, 0)"
)
# Whoever changes the row from unused is the one who may use it: two at once cannot both.
_USE = "UPDATE refresh_tokens SET used = 1 WHERE hash = ? AND used = 0"
_TOKEN = "SELECT hash, family, parent, grants, expires FROM refresh_tokens WHERE hash = ?"  # noqa: S105 - SQL
_END_FAMILY = "DELETE FROM refresh_tokens WHERE family = ?"
_PURGE = "DELETE FROM refresh_tokens WHERE expires <= ?"
_NOTE = "INSERT INTO audit (at, tenant, who, action, target) VALUES (?, ?, ?, ?, ?)"
_LATEST = "SELECT at, tenant, who, action, target FROM audit ORDER BY number DESC LIMIT ?"


class KeyRow(NamedTuple):
    """An API key; times are Unix seconds, lists are separated by blanks."""

    id: str
    hash: str
    tenant: str
    scopes: str
    sources: str | None
    rate: str
    note: str
    created: float
    expires: float | None = None
    revoked: float | None = None


@dataclass(frozen=True, slots=True)
class RefreshRow:
    """A refresh token by its hash."""

    hash: str
    family: str
    """Those that follow from one another."""
    parent: str
    """The API key on which they rest."""
    grants: str
    """What they stand for, as JSON."""
    expires: float


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One thing that was done."""

    at: float
    tenant: str
    who: str
    action: str
    target: str


class ApiKeyStore:
    """The keys. Every method raises `TierError` when the database cannot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[KeyRow]:
        """Return every key, the oldest first."""
        return [KeyRow._make(row) for row in await self._database.rows(_KEYS)]

    async def add(self, key: KeyRow) -> None:
        """Keep a new key."""
        await self._database.change(_ADD_KEY, *key[: len(_KEY)])

    async def revoke(self, number: str, at: float) -> bool:
        """Revoke the key *number*; return whether it was there and had not been revoked."""
        return await self._database.change(_REVOKE, at, number) == 1


class RefreshStore:
    """The refresh tokens. Every method raises `TierError` when the database cannot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, token: RefreshRow) -> None:
        """Keep a new token."""
        await self._database.change(_ADD, *astuple(token))

    async def use(self, number: str) -> tuple[RefreshRow, bool] | None:
        """Use the token with the hash *number*: return it, and whether this was the first time."""
        first = await self._database.change(_USE, number) == 1
        rows = await self._database.rows(_TOKEN, number)
        return (RefreshRow(*rows[0]), first) if rows else None

    async def end(self, family: str) -> None:
        """Forget every token of *family*."""
        await self._database.change(_END_FAMILY, family)

    async def purge(self, now: float) -> int:
        """Forget what has expired; return how many."""
        return await self._database.change(_PURGE, now)


class AuditStore:
    """What was done by whom. Every method raises `TierError` when the database cannot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, row: AuditRow) -> None:
        """Write *row* down."""
        await self._database.change(_NOTE, *astuple(row))

    async def latest(self, count: int) -> list[AuditRow]:
        """Return the *count* newest, the newest first."""
        return [AuditRow(*row) for row in await self._database.rows(_LATEST, count)]
