"""A lookup as its client has said it, so that it can be asked again after a restart."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from gateway.lookup import Lookup, make_lookup
from gateway.parameters import BadLookupError
from gateway.route import Route


class Wanted(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is asked, and how its answer is to be shown; in the words of ``/v1/search``."""

    source: str
    q: str = ""
    keyword: str = ""
    lang: str = ""
    context: str = ""
    params: dict[str, str] = {}
    fields: tuple[str, ...] | None = None
    """Which fields of each record to return; None: all."""
    limit: int | None = None
    summary: bool = True

    def lookup(self, routes: Mapping[str, Route], tenant: str) -> tuple[Route, Lookup]:
        """Return what *tenant* asks of which route.

        Raise `BadLookupError` where the configuration does not know it any more.
        """
        route = routes.get(self.source)
        if route is None:
            raise BadLookupError("source", f"there is no source {self.source!r} any more")
        return route, make_lookup(
            route,
            self.q,
            keyword=self.keyword,
            language=self.lang,
            params=self.params,
            tenant=tenant,
            context=self.context,
        )


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Wanted)


def written(wanted: Wanted) -> str:
    """Return *wanted* as text; `read_wanted` makes it again."""
    return _encoder.encode(wanted).decode()


def read_wanted(text: str) -> Wanted:
    """Return what is `written`; raise `BadLookupError` for what another version has written."""
    try:
        return _decoder.decode(text)
    except msgspec.DecodeError as error:
        raise BadLookupError("source", "another version of the gateway has kept this") from error
