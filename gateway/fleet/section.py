"""``redis:`` of the configuration."""

from __future__ import annotations

from adapters.sources.units import Duration, Spec, seconds
from storage.redis_address import parse_address


class RedisSection(Spec, frozen=True, kw_only=True):
    """What replicas share: the redis tier, leases, quotas, circuits, events."""

    url: str = ""
    """``redis://host:6379/0``, ``redis+cluster://host1,host2``,
    ``redis+sentinel://host1,host2/name``, and the same with ``rediss`` for TLS; empty: no Redis."""
    prefix: str = "lookup:"
    """Before every key and channel; gateways that share a Redis but no answers differ in it."""
    timeout: Duration = seconds(0.05)
    """For one round trip; the first that takes longer takes Redis out of the road for a while."""
    ca: str = ""
    """File of the certificate authority for TLS; empty: those that the system trusts."""
    sentinel_password: str = ""
    """Of the Sentinels, where theirs differs from that of the server."""

    def __post_init__(self) -> None:
        if self.url:
            parse_address(self.url)
        if self.timeout <= 0:
            raise ValueError("timeout must be more than 0")

    @property
    def secrets(self) -> tuple[str, ...]:
        """Its passwords, as they are written and as they are sent."""
        if not self.url:
            return (self.sentinel_password,)
        password = parse_address(self.url).password or ""
        written = self.url.partition("://")[2].rpartition("@")[0].partition(":")[2]
        return (password, written, self.sentinel_password)
