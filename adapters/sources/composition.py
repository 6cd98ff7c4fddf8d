"""How a composite source is written in ``config.yaml``: its parts and how they become one."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from adapters.sources.answers import FieldSpec, ResponseSpec
from adapters.sources.limits import LimitsSpec
from adapters.sources.spec import RequestSpec, SpecError, TermsSpec
from adapters.sources.units import Duration, Positive, Spec

_STORES = ("never", "memory_only", "permanent")
"""What may be kept, the strictest first."""


class PartSpec(Spec, frozen=True, kw_only=True):
    """One upstream of a composite source."""

    catalog: str = ""
    """A block of the catalog whose request, response, limits and terms this part has."""
    request: RequestSpec
    """How the upstream is asked; the source's parameters and those of *needs* stand in it."""
    response: ResponseSpec = msgspec.field(default_factory=ResponseSpec)
    """How its answer is read."""
    limits: LimitsSpec | None = None
    """What this upstream is spared; without it, the same as the source says."""
    terms: TermsSpec = msgspec.field(default_factory=TermsSpec)
    """Whom to credit for this part; answers credit everyone, under the strictest terms."""
    needs: dict[str, str] = msgspec.field(default_factory=dict)
    """Placeholders that another part fills: ``{code: area.district_id}``."""
    each: bool = False
    """Ask once for every record of the part that is needed, instead of for its first."""
    max_each: Positive = 20
    """So many records at most; the part is incomplete when there are more."""
    required: bool = False
    """Without this part there is no answer."""
    under: str = ""
    """The field in which this part's records stand within those of the others."""
    one: bool = False
    """The first record alone stands *under* that field, and no list."""
    match: str = ""
    """A field of this part: its records stand *under* the record that has its value as key."""
    count: str = ""
    """The field that says how many records this part has upstream."""


class CompositeSpec(Spec, frozen=True, kw_only=True):
    """Several upstreams asked side by side, whose records become one answer."""

    parts: dict[str, PartSpec]
    """Each by its name; what needs nobody is asked at once."""
    key: str = "id"
    """Records of parts without *under* that share its value are one; the first part's words win."""
    fields: dict[str, str | FieldSpec] = msgspec.field(default_factory=dict)
    """Further fields: JMESPath over the merged record (``sum(sales[].won)``)."""

    @property
    def has_keys(self) -> bool:
        """Tell whether every key that some part needs is there."""
        return all(part.request.has_keys for part in self.parts.values())

    @property
    def field_names(self) -> tuple[str, ...]:
        """The names of the fields that a merged record has."""
        names: dict[str, None] = {}
        for part in self.parts.values():
            names |= dict.fromkeys([part.under] if part.under else part.response.fields)
            names |= dict.fromkeys([part.count] if part.count else [])
        return tuple(names | dict.fromkeys(self.fields))

    def terms_with(self, own: TermsSpec) -> TermsSpec:
        """Return *own* and every part's terms: all are credited, and the strictest hold."""
        terms = [own, *(part.terms for part in self.parts.values())]
        limits = [each.max_ttl for each in terms if each.max_ttl is not None]
        return TermsSpec(
            attribution=_joined(each.attribution for each in terms),
            url=next((each.url for each in terms if each.url), ""),
            license=_joined(each.license for each in terms),
            max_ttl=Duration(min(limits)) if limits else None,
            store=min((each.store for each in terms), key=_STORES.index),
            llm_summary_allowed=all(each.llm_summary_allowed for each in terms),
        )


def needed_part(path: str, part: PartSpec, parts: Iterable[str]) -> str:
    """Return the one part that *part* needs, empty for none; raise `SpecError` at *path*."""
    needed = {text.partition(".")[0] for text in part.needs.values()}
    if len(needed) > 1:
        raise SpecError(f"{path}.needs", "a part can need one other part")
    for name in needed - set(parts):
        raise SpecError(f"{path}.needs", f"there is no part {name!r}; there is {', '.join(parts)}")
    if part.each and not needed:
        raise SpecError(f"{path}.each", "for each record of which part? Say it with needs")
    return next(iter(needed), "")


def _joined(texts: Iterable[str]) -> str:
    return " · ".join(dict.fromkeys(text for text in texts if text))
