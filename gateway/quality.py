"""The gate: what a payload and a summary must be before anyone keeps them; pure."""

from __future__ import annotations

import msgspec

from adapters.errors import Kind, UpstreamError
from adapters.source import Payload
from adapters.summarizers.base import Brief, Draft


class QualitySpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``quality:`` of a source."""

    max_characters: int = 4000
    """A longer summary is refused."""


class QualityGate:
    """The rules of one source."""

    def __init__(self, spec: QualitySpec) -> None:
        self._spec = spec

    def check_payload(self, payload: Payload) -> None:
        """Raise `UpstreamError` of kind MALFORMED for a payload that contradicts itself."""
        if payload.total < len(payload.records):
            raise UpstreamError(Kind.MALFORMED, "more records than the total that was said")

    def check_summary(self, draft: Draft, brief: Brief) -> tuple[str, ...]:
        """Return why *draft* may not be kept; nothing, when it may."""
        del brief
        reasons = []
        if draft.finish != "stop":
            reasons.append("truncated")
        if not draft.text.strip() and draft.report is None:
            reasons.append("empty")
        if len(draft.text) > self._spec.max_characters:
            reasons.append("too_long")
        return tuple(reasons)
