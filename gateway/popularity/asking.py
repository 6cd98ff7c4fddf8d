"""A lookup as text, so that it can be asked again from a row of the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from gateway.lookup import Lookup
from gateway.route import Route
from storage.popularity import PopularRow


class Asked(msgspec.Struct, frozen=True, omit_defaults=True):
    """What makes a lookup, beside its source."""

    text: str
    tenant: str
    """Whose answer it is."""
    params: dict[str, str] = {}
    keyword: str = ""
    language: str = ""
    context: tuple[tuple[str, str], ...] = ()


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Asked)


def written(lookup: Lookup) -> str:
    """Return *lookup* as text; `read` makes it again."""
    asked = Asked(
        lookup.text,
        lookup.tenant,
        dict(lookup.params),
        lookup.keyword,
        lookup.language,
        lookup.context,
    )
    return _encoder.encode(asked).decode()


def read(row: PopularRow) -> Lookup | None:
    """Return the lookup of *row*; None where it is none of this version's."""
    try:
        asked = _decoder.decode(row.lookup)
    except msgspec.DecodeError:
        return None
    lookup = Lookup(
        source=row.source,
        text=asked.text,
        params=asked.params,
        keyword=asked.keyword,
        language=asked.language,
        tenant=asked.tenant,
        asker=row.tenant or asked.tenant,
        context=asked.context,
    )
    return lookup if lookup.key == row.key else None


def askable(
    rows: Iterable[PopularRow], routes: Mapping[str, Route]
) -> Iterator[tuple[PopularRow, Lookup]]:
    """Yield each of *rows* that can still be asked, with its lookup."""
    for row in rows:
        lookup = read(row)
        if lookup is not None and row.source in routes:
            yield row, lookup


def shown(row: PopularRow, lookup: Lookup, now: float) -> dict[str, Any]:
    """Return *row* for people: what is asked, and how often of late."""
    return {
        "source": row.source,
        "query": lookup.text,
        "keyword": lookup.keyword or None,
        "lang": lookup.language,
        "params": dict(lookup.params),
        "context": dict(lookup.context),
        "key": row.key,
        "lookups": round(row.lookups(now), 1),
        "per_day": round(row.rate(now) * 86_400, 1),
    }
