"""``watches:`` in ``config.yaml``."""

from __future__ import annotations

from adapters.sources.units import Duration, Positive, Spec, seconds


class WatchesSpec(Spec, frozen=True, kw_only=True):
    """Lookups that clients have repeated on a schedule."""

    webhook_hosts: tuple[str, ...] = ()
    """Hosts such as ``hooks.example.com`` that webhooks may be on; without any there are none."""
    secret: str = ""
    """What webhooks are signed with; of 24 bytes at least."""
    allow_private: bool = False
    """Let webhooks be on private addresses and over plain HTTP."""
    max_watches: Positive = 100
    """Of one tenant."""
    least_interval: Duration = seconds(60)
    """No watch is repeated more often."""
    concurrency: Positive = 4
    """Watches that one process looks up at a time."""

    def __post_init__(self) -> None:
        if self.webhook_hosts and len(self.secret) < 24:
            raise ValueError("webhook_hosts needs a secret of 24 bytes at least")
        for host in self.webhook_hosts:
            if not host or host != host.lower() or any(mark in host for mark in "/:@ "):
                raise ValueError(f"{host!r} is no name of a host, in small letters")
