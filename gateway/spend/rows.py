"""Amounts by account, added up: pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

from gateway.spend.budgets import scopes_of
from storage.spend import Account, Amounts

Rows = defaultdict[Account, Amounts]


def no_rows() -> Rows:
    """Return rows in which every account has nothing yet."""
    return defaultdict(Amounts)


def by_scope(rows: Mapping[Account, Amounts], day: str) -> Counter[str]:
    """Return what models cost on *day* in every scope (`budgets.scopes_of`), in billionths."""
    found: Counter[str] = Counter()
    for account, amounts in rows.items():
        if account.day == day and account.model:
            for scope in scopes_of(account.tenant, account.source):
                found[scope] += amounts.spent
    return found
