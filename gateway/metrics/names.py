"""What may stand in a label: names of the configuration, and ``other`` for all the rest."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from gateway.config import Config
from gateway.lookup import SHARED_TENANT

OTHER = "other"
NOBODY = "none"
"""Where no model had a part in it."""
MOST_WORDS = 40
"""So many different reasons are told apart; they are words of ours, and there are fewer."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names that are told apart."""

    sources: frozenset[str]
    models: frozenset[str]
    tenants: frozenset[str]

    def source(self, name: str) -> str:
        """Return *name* if it is a source's."""
        return name if name in self.sources else OTHER

    def model(self, name: str) -> str:
        """Return *name* if it is a model's, `NOBODY` for none."""
        return name if name in self.models else OTHER if name else NOBODY

    def tenant(self, name: str) -> str:
        """Return the class of a tenant: ``public``, itself if it has a budget, or ``other``."""
        return name if name in self.tenants else OTHER


def names_in(config: Config) -> Names:
    """Return the names in *config*."""
    llm = config.llm
    models = {spec.model for spec in llm.asked} | set(llm.prices)
    tenants = {SHARED_TENANT, *config.budgets.tenants}
    return Names(frozenset(config.sources), frozenset(models), frozenset(tenants))


class Words:
    """Words of ours, such as reasons; bounded in number, should one ever be made up of more."""

    def __init__(self, known: Collection[str] = ()) -> None:
        self._known = set(known)

    def __call__(self, word: str) -> str:
        """Return *word*, or ``other`` when there are too many."""
        if word in self._known:
            return word
        if len(self._known) >= MOST_WORDS:
            return OTHER
        self._known.add(word)
        return word
