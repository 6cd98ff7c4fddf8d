"""Translates what the OpenAI SDK raises into one `SummaryError` with a word for its reason.

This module does not import the SDK: it is loaded before anybody has chosen it, and the
SDK costs a second and 50 MB. It reads the errors' attributes, which the SDK documents.
"""

from __future__ import annotations

from collections.abc import Mapping

from adapters.errors import SummaryError

UNWELL = frozenset({"timeout", "unavailable", "malformed", "unauthorized"})
"""Reasons that say that the provider is unwell; the others say something of the request."""

_BY_STATUS = {
    400: ("rejected", "The model's server refused the request"),
    401: ("unauthorized", "The model's server refused our credentials"),
    402: ("quota", "The model's account has no credit left"),
    403: ("unauthorized", "The model's server refused our credentials"),
    404: ("unknown_model", "The model's server does not know the model or the path"),
    408: ("timeout", "The model's server gave up waiting"),
    409: ("unavailable", "The model's server reported a conflict"),
    413: ("too_long", "The records are more than the model can read"),
    422: ("rejected", "The model's server refused the request"),
    429: ("rate_limited", "The model's rate limit is reached"),
}
_BY_CODE = {
    "insufficient_quota": ("quota", "The model's account has no credit left"),
    "billing_hard_limit_reached": ("quota", "The model's account has no credit left"),
    "rate_limit_exceeded": ("rate_limited", "The model's rate limit is reached"),
    "context_length_exceeded": ("too_long", "The records are more than the model can read"),
    "content_filter": ("refused", "The model's server filtered the request"),
    "content_policy_violation": ("refused", "The model's server filtered the request"),
    "server_error": ("unavailable", "The model's server failed"),
}
_UNAVAILABLE = ("unavailable", "The model's server failed")


def from_status(
    status: int | None, code: str, kind: str, headers: Mapping[str, str]
) -> SummaryError:
    """Return the error for an answer of *status*, whose body named *code* and type *kind*.

    429 is two things (api-quirks §11.1): a rate limit that passes, and a quota that does not.
    A status of None is an error event within a stream that began with 200.
    """
    named = _BY_CODE.get(code) or _BY_CODE.get(kind)
    reason, message = named or _BY_STATUS.get(status or 500, _UNAVAILABLE)
    return SummaryError(reason, message, retry_after=retry_after(headers))


def from_finish(finish: str | None) -> SummaryError | None:
    """Return what a finish reason says is wrong; None when the answer ended by itself.

    A cut stream may end without a reason and without an error (dependencies §6).
    """
    match finish:
        case "stop":
            return None
        case "content_filter":
            return SummaryError("refused", "The model's server filtered the answer")
        case "length" | None:
            return SummaryError("truncated", "The model's answer was cut off")
        case _:
            return SummaryError("malformed", "The model did not answer in text")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that *headers* ask to wait: ``retry-after-ms``, then ``retry-after``."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * scale
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    return None
