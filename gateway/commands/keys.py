"""``python -m gateway keys``: make, list and revoke API keys."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from gateway.access.identity import Scope
from gateway.access.keys import ApiKey, from_row, new_key
from gateway.config import load_config
from gateway.rates import parse_rate
from storage.access import ApiKeyStore, AuditRow, AuditStore
from storage.database import open_database
from storage.tier import TierError

_TENANT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OPERATOR = "operator"
"""Who did it, in the audit: whoever has a shell here."""


class WrongUsageError(Exception):
    """The command line says something that cannot be; the message says what can."""


def run(options: argparse.Namespace) -> int:
    """Do what *options* say; return the exit code."""
    try:
        return asyncio.run(_run(options))
    except TierError as error:
        print(error, file=sys.stderr)
        return 1
    except WrongUsageError as error:
        print(error, file=sys.stderr)
        return 2


async def _run(options: argparse.Namespace) -> int:
    config = load_config(options.config, os.environ)
    tier = await open_database(config.database.url)
    try:
        keys, audit = ApiKeyStore(tier.database), AuditStore(tier.database)
        if options.what == "create":
            return await _create(options, config.sources, keys, audit)
        if options.what == "revoke":
            return await _revoke(options.id, keys, audit)
        print(table([from_row(row) for row in await keys.all()], time.time()))
        return 0
    finally:
        await tier.close()


async def _create(
    options: argparse.Namespace, known: Collection[str], keys: ApiKeyStore, audit: AuditStore
) -> int:
    now = time.time()
    key, shown = new_key(
        _tenant(options.tenant),
        _scopes(options.scopes),
        created=now,
        sources=None if options.sources is None else _sources(options.sources, known),
        rate=_rate(options.rate),
        note=options.note,
        expires=None if options.days is None else now + options.days * 86_400,
    )
    await keys.add(key.row)
    await audit.add(AuditRow(now, key.tenant, _OPERATOR, "key.created", f"key:{key.id}"))
    print(shown)
    print("Keep it: only its hash is stored, and it is not shown again.", file=sys.stderr)
    return 0


async def _revoke(number: str, keys: ApiKeyStore, audit: AuditStore) -> int:
    now = time.time()
    if not await keys.revoke(number, now):
        print(f"there is no valid key {number}; 'keys list' has them", file=sys.stderr)
        return 1
    await audit.add(AuditRow(now, "", _OPERATOR, "key.revoked", f"key:{number}"))
    print(f"{number} is revoked; every replica knows within a second")
    return 0


def table(keys: Sequence[ApiKey], now: float) -> str:
    """Return *keys* as lines for people."""
    if not keys:
        return "There are no keys. Make one: python -m gateway keys create --tenant NAME"
    lines = [f"{'ID':<14}{'TENANT':<16}{'STATE':<10}{'CREATED':<12}{'SCOPES':<36}NOTE"]
    for key in keys:
        state = "revoked" if key.revoked else "valid" if key.valid(now) else "expired"
        day = datetime.fromtimestamp(key.created, UTC).strftime("%Y-%m-%d")
        scopes = ",".join(sorted(key.scopes))
        lines.append(f"{key.id:<14}{key.tenant:<16}{state:<10}{day:<12}{scopes:<36}{key.note}")
    return "\n".join(lines)


def _scopes(text: str) -> frozenset[Scope]:
    try:
        return frozenset(Scope(name) for name in _names(text))
    except ValueError as error:
        raise WrongUsageError(f"{error}; there are {', '.join(Scope)}") from error


def _sources(text: str, known: Collection[str]) -> frozenset[str]:
    """Return the sources that *text* names: a key for one that is not there would open nothing."""
    names = _names(text)
    strange = sorted(names.difference(known)) or ([] if names else [text])
    if strange:
        raise WrongUsageError(f"no source {strange[0]!r}; there is {', '.join(known)}")
    return names


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def _tenant(text: str) -> str:
    if not _TENANT.fullmatch(text):
        raise WrongUsageError(f"{text!r} is no tenant: 1 to 64 letters, digits, - and _")
    return text


def _rate(text: str) -> str:
    try:
        if text:
            parse_rate(text)
    except ValueError as error:
        raise WrongUsageError(str(error)) from error
    return text
