"""The gate: what a payload and a summary must be before anyone keeps them; pure.

Nothing bad is kept (design §6.7): truncated, refused, ungrounded or schema-less
summaries are refused here, each with its reasons, and are answered without.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

import msgspec

from adapters.errors import Kind, UpstreamError
from adapters.source import Payload, Record
from adapters.sources.units import Count, Positive
from adapters.summarizers.base import Brief, Draft
from adapters.summarizers.prompt import RULES, instructions
from gateway.grounding import Grounds
from gateway.quality.prose import cut_off, echoes, foreign_links, in_language, refuses
from gateway.quality.report import ReportRules

_INDEXES_KEPT = 4
VERBATIM = "extractive"
"""The summarizer that copies whole sentences: it cannot invent, and speaks as the records do."""


class QualitySpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``quality:`` of a source."""

    min_characters: Count = 10
    """A shorter summary is refused."""
    max_characters: Positive = 4000
    """A longer summary is refused."""
    language: bool = True
    """The summary must be in the language that was asked for."""
    links: bool = False
    """A summary may hold links and calls to act that its records lack."""
    grounding: bool = True
    """Every number, name, negation and comparison of a summary must stand in its records."""
    required: tuple[str, ...] = ()
    """Fields that some record of an answer must have; without them the answer is unusable."""


class QualityGate:
    """The rules of one source."""

    def __init__(self, spec: QualitySpec, report: ReportRules | None = None) -> None:
        """Hold summaries to *spec*, and those that are reports to the rules of *report*."""
        self._spec = spec
        self.report = ReportRules() if report is None else report
        self._grounds = _Indexed()

    def check_payload(self, payload: Payload) -> None:
        """Raise `UpstreamError` of kind MALFORMED for a payload that contradicts itself."""
        fault = _contradiction(payload) or self._missing(payload.records)
        if fault:
            raise UpstreamError(Kind.MALFORMED, fault)

    def check_summary(self, draft: Draft, brief: Brief) -> tuple[str, ...]:
        """Return why *draft* may not be kept; nothing, when it may.

        A reason is a word, and after a colon what it concerns: ``language``, ``too_long``,
        ``ungrounded: 750 mg``. A model can be told of them (`Brief.rejected`).
        """
        if draft.finish != "stop":
            return ("truncated",)
        if not draft.text.strip() and not draft.report:
            return ("empty",)
        if draft.by == VERBATIM:
            return ()
        report = draft.report
        # The text of a report is one of its own.
        said = draft.text if report is None else "\n".join(self.report.texts(report)).strip()
        claimed = said if report is None else "\n".join(self.report.claims(report))
        records = "\n".join(_strings(brief.records))
        faults = (
            *self._length(draft),
            *self.report.faults(report),
            *self._prose(said, brief, records),
            *self._grounded(claimed, brief),
        )
        return tuple(dict.fromkeys(faults)) or self._unrelated(claimed, brief)

    def _unrelated(self, said: str, brief: Brief) -> tuple[str, ...]:
        """Refuse what claims nothing and is about nothing: ``Simulated success``."""
        if self._spec.grounding and not self._grounds.of(brief).touches(said):
            return ("unrelated",)
        return ()

    def _missing(self, records: tuple[Record, ...]) -> str:
        for field in self._spec.required:
            if records and not any(record.get(field) for record in records):
                return f"no record has the field {field}"
        return ""

    def _length(self, draft: Draft) -> Iterator[str]:
        if draft.report is None:
            if len(draft.text) < self._spec.min_characters:
                yield "too_short"
            if cut_off(draft.text):
                yield "cut_off"
        if len(draft.text) > self._spec.max_characters:
            yield "too_long"

    def _prose(self, said: str, brief: Brief, records: str) -> Iterator[str]:
        if not said:
            return  # a report of numbers alone
        if refuses(said, records):
            yield "refusal"
        if self._spec.language and not in_language(said, brief.language):
            yield f"language: not {brief.language}"
        if echoes(said, f"{instructions(brief)} {RULES}"):
            yield "prompt_copied"
        if not self._spec.links:
            for link in foreign_links(said, f"{records}\n{brief.query}"):
                yield f"foreign: {link}"

    def _grounded(self, said: str, brief: Brief) -> Iterator[str]:
        if self._spec.grounding:
            for claim in self._grounds.of(brief).check(said):
                yield f"ungrounded: {claim.kind} {claim.text}"


class _Indexed:
    """The grounds of the briefs that were seen last: a second try costs no second index."""

    def __init__(self) -> None:
        self._kept: deque[tuple[Brief, Grounds]] = deque(maxlen=_INDEXES_KEPT)

    def of(self, brief: Brief) -> Grounds:
        for known, grounds in self._kept:
            # The same tuple of records, which `dataclasses.replace` hands on.
            if known.records is brief.records and known.query == brief.query:
                return grounds
        grounds = Grounds(brief.records, brief.query, brief.keyword)
        self._kept.append((brief, grounds))
        return grounds


def _contradiction(payload: Payload) -> str:
    if payload.total < len(payload.records):
        return "more records than the total that was said"
    if payload.total > 0 and not payload.records and not payload.partial:
        return "a total without records"
    if any(not record.get("id") and not record.get("name") for record in payload.records):
        return "a record without id and name"
    return ""


def _strings(value: object) -> Iterator[str]:
    """Yield every text within *value*, which is JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)
