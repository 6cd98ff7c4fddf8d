"""``catalog: NAME`` in a source: the block of that name, under what the source says itself."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from adapters.sources import catalog
from gateway.config.faults import Fault, join
from gateway.config.merging import merge


def with_catalog(document: dict[str, Any], faults: list[Fault]) -> dict[str, Any]:
    """Return *document* with every named block in its place; unknown names go to *faults*."""
    sections = document.get("sources")
    if not isinstance(sections, dict):
        return document
    laid = {name: _over_block(name, section, faults) for name, section in sections.items()}
    return {**document, "sources": laid}


def _over_block(name: Any, section: Any, faults: list[Fault]) -> Any:
    wanted = section.get("catalog") if isinstance(section, dict) else None
    if not isinstance(wanted, str) or not wanted:
        return section
    try:
        return merge(catalog.block(wanted), section)
    except KeyError:
        near = get_close_matches(wanted, catalog.names(), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        path = join(join("sources", str(name)), "catalog")
        faults.append(Fault(path, f'the catalog has no "{wanted}"{hint}'))
        return section
