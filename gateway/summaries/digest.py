"""The name of a summary's input: everything that shapes it, and nothing else."""

from __future__ import annotations

import hashlib
from itertools import chain

from gateway.lookup import Lookup, canonical
from gateway.route import Route


def summary_digest(lookup: Lookup, route: Route, records: str) -> str:
    """Name everything that shapes a summary (design §5): equal digests are never paid twice."""
    language = lookup.language or route.language
    writer = route.summarizer
    by = () if writer is None else (writer.name, writer.version)
    members = [records, lookup.keyword, language, route.prompt, *by, *route.gate.report.names]
    if lookup.context or lookup.history:
        # After all that is there for everyone, so that a summary for everyone keeps its name.
        members += ("for", str(len(lookup.context)), *chain(*lookup.context), *lookup.history)
    return hashlib.sha256(canonical(members)).hexdigest()
