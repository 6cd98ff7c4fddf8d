"""``catalog: NAME`` in a source: the block of that name, under what the source says itself."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from adapters.sources import catalog
from gateway.config.faults import Fault, join
from gateway.config.merging import merge

_OF_THE_WHOLE = {
    *("description", "params", "case", "location", "freshness", "summary", "quality"),
    *("warm", "probe", "share"),
}
"""What a block says that is no part's to say."""


def with_catalog(document: dict[str, Any], faults: list[Fault]) -> dict[str, Any]:
    """Return *document* with every named block in its place; unknown names go to *faults*."""
    sections = document.get("sources")
    if not isinstance(sections, dict):
        return document
    laid = {
        name: _with_parts(section, path, faults)
        for name, path, section in _over_blocks(sections, "sources", faults)
    }
    return {**document, "sources": laid}


def _over_blocks(
    sections: dict[Any, Any], path: str, faults: list[Fault]
) -> Iterator[tuple[Any, str, Any]]:
    for name, section in sections.items():
        below = join(path, str(name))
        yield name, below, _over_block(section, below, faults)


def _with_parts(section: Any, path: str, faults: list[Fault]) -> Any:
    """Lay the parts of a composite source over their blocks too."""
    composite = section.get("composite") if isinstance(section, dict) else None
    parts = composite.get("parts") if isinstance(composite, dict) else None
    if not isinstance(composite, dict) or not isinstance(parts, dict):
        return section
    below = join(join(path, "composite"), "parts")
    laid = {name: _as_part(part) for name, _, part in _over_blocks(parts, below, faults)}
    return {**section, "composite": {**composite, "parts": laid}}


def _as_part(part: Any) -> Any:
    """Leave out what a block says of the whole source."""
    if not isinstance(part, dict) or not part.get("catalog"):
        return part
    return {key: value for key, value in part.items() if key not in _OF_THE_WHOLE}


def _over_block(section: Any, path: str, faults: list[Fault]) -> Any:
    wanted = section.get("catalog") if isinstance(section, dict) else None
    if not isinstance(wanted, str) or not wanted:
        return section
    try:
        return merge(catalog.block(wanted), section)
    except KeyError:
        near = get_close_matches(wanted, catalog.names(), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        faults.append(Fault(join(path, "catalog"), f'the catalog has no "{wanted}"{hint}'))
        return section
