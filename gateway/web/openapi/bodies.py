"""Bodies of requests: what routes take as JSON."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from gateway.access.identity import Scope
from gateway.access.tokens import LONGEST
from gateway.lookup import MAX_QUERY
from gateway.web.batch import MAX_LOOKUPS
from gateway.web.invalidate import MAX_TEXT
from gateway.web.parameters import MAX_LIMIT

SourceName = Annotated[str, Meta(min_length=1, description="A source's name")]
_Text = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT, pattern=r"\S")]


class Lookup(Struct):
    """A lookup; beside these members, those that the source declares."""

    source: SourceName
    q: Annotated[str, Meta(max_length=MAX_QUERY)] | None = None
    keyword: Annotated[str, Meta(max_length=MAX_QUERY)] | None = None
    lang: str | None = None
    fields: list[str] | str | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_LIMIT)] | None = None
    summary: Literal["wait", "none"] | None = None
    context: dict[str, str] | str | None = None


class Lookups(Struct, forbid_unknown_fields=True):
    """Lookups that are answered together."""

    lookups: Annotated[list[Lookup], Meta(max_length=MAX_LOOKUPS)]


class ItemNamed(Struct, forbid_unknown_fields=True):
    """One record of a source."""

    source: SourceName
    id: _Text | int


class Withdrawal(Struct):
    """One of: a lookup, a source, a source's names by a pattern, a tag, an item, everything."""

    source: SourceName | msgspec.UnsetType = msgspec.UNSET
    q: Annotated[str, Meta(max_length=MAX_QUERY)] | msgspec.UnsetType = msgspec.UNSET
    pattern: _Text | msgspec.UnsetType = msgspec.UNSET
    tag: _Text | msgspec.UnsetType = msgspec.UNSET
    item: ItemNamed | msgspec.UnsetType = msgspec.UNSET
    all: Literal[True] | msgspec.UnsetType = msgspec.UNSET
    wait: bool = True


class TokenWanted(Struct, forbid_unknown_fields=True):
    """A token, as narrow as it can be."""

    seconds: Annotated[int, Meta(ge=1, le=LONGEST)] = 600
    scopes: Annotated[list[Scope], Meta(min_length=1)] | None = None
    sources: Annotated[list[str], Meta(min_length=1)] | None = None
    rate: Annotated[str, Meta(description="Such as 60/min; empty: the key's own")] = ""
    subject: Annotated[str, Meta(pattern=r"^([A-Za-z0-9._~@-]{1,64})?$")] = ""
    refresh: Annotated[bool, Meta(description="Give a refresh token as well")] = False


class RefreshToken(Struct, forbid_unknown_fields=True):
    """What a pair is renewed with, once."""

    refresh_token: Annotated[str, Meta(min_length=1)]
