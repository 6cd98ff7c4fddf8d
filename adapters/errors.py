"""What can go wrong upstream: one error, twelve kinds, one table of their consequences.

No ``aiohttp``, ``openai``, ``pybreaker``, ``lxml`` or ``json`` error leaves this package:
each is translated where it happens, with its cause kept. Empty is no error.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from adapters.summarizers.base import Usage


@dataclass(frozen=True, slots=True)
class Consequence:
    """What a kind of error means for everyone who meets it."""

    status: int
    """HTTP status for the caller when nothing can stand in."""
    title: str
    """What the caller reads first."""
    retry: bool
    """Another try within the same flight may help."""
    breaker: bool
    """It says that the upstream is unwell: the circuit breaker counts it."""
    remember: float
    """Seconds for which the next caller is given the same error without a new call."""


class Kind(Enum):
    """The class of an upstream error (``api-quirks`` §13, error mapping)."""

    INVALID_INPUT = "invalid_input"
    AUTH_CONFIG = "auth_config"
    NOT_APPROVED = "not_approved"
    QUOTA_DAY = "quota_day"
    QUOTA_SHORT = "quota_short"
    TRANSIENT = "transient"
    UPSTREAM_DOWN = "upstream_down"
    MALFORMED = "malformed"
    TIMEOUT = "timeout"
    CIRCUIT_OPEN = "circuit_open"
    OVERLOADED = "overloaded"
    MISCONFIGURED = "misconfigured"

    @property
    def consequence(self) -> Consequence:
        """The row of the table that this kind has."""
        return CONSEQUENCES[self]


CONSEQUENCES: dict[Kind, Consequence] = {
    Kind.INVALID_INPUT: Consequence(400, "The upstream refused the request", False, False, 10),
    Kind.AUTH_CONFIG: Consequence(502, "The upstream refused our credentials", False, True, 30),
    Kind.NOT_APPROVED: Consequence(502, "Our key is not approved upstream", False, True, 30),
    Kind.QUOTA_DAY: Consequence(503, "The upstream's quota is spent", False, False, 30),
    Kind.QUOTA_SHORT: Consequence(503, "The upstream's rate limit is reached", True, False, 1),
    Kind.TRANSIENT: Consequence(502, "The upstream failed", True, True, 1),
    Kind.UPSTREAM_DOWN: Consequence(502, "The upstream cannot be reached", True, True, 1),
    Kind.MALFORMED: Consequence(502, "The upstream's answer is unusable", False, True, 5),
    Kind.TIMEOUT: Consequence(504, "The upstream was too slow", True, True, 1),
    Kind.CIRCUIT_OPEN: Consequence(503, "The upstream is resting after failures", False, False, 0),
    Kind.OVERLOADED: Consequence(503, "Too much work is waiting", False, False, 0),
    Kind.MISCONFIGURED: Consequence(502, "This source is configured wrongly", False, False, 30),
}


class UpstreamError(Exception):
    """An upstream could not answer.

    *retry_after* is in seconds, where somebody knows it. The message is shown to
    callers: it never holds a key, a URL with a key, or the upstream's own text.
    """

    def __init__(self, kind: Kind, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.retry_after = retry_after


class SummaryError(Exception):
    """No summary could be had; *reason* is one word for counters and logs.

    The records are the answer all the same (``degraded: ["summary"]``).
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        retry_after: float | None = None,
        usage: Usage | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.retry_after = retry_after
        self.usage = usage
        """What was paid for all the same; None where nothing is known of it."""
