"""What a gateway has spent, whoever it was for."""

from __future__ import annotations

from gateway.assembly import Gateway
from storage.spend import Amounts


def sums(gateway: Gateway) -> Amounts:
    """Return what all calls to models took."""
    total = Amounts()
    for account, amounts in gateway.money.ledger.accounts().items():
        if account.model:
            total.add(amounts)
    return total
