"""The ``invalidation:`` section: how replicas follow what is withdrawn."""

from __future__ import annotations

from adapters.sources.units import Duration, Spec, seconds


class InvalidationSpec(Spec, frozen=True, kw_only=True):
    """How replicas agree on what was withdrawn."""

    lease: Duration = seconds(5)
    """A replica that cannot reach the log for so long serves nothing from memory or Redis, and is
    no longer waited for."""
    strict: bool = True
    """``false``: a replica that cannot reach the log goes on serving what it has. An
    acknowledgement does not wait for it any more, so that it may serve what was withdrawn."""
