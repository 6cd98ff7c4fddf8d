"""What a client asks, in its normalised form, and the key under which its answer is kept.

Every parameter that can change an answer is in the key; callers never supply keys.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain

from adapters.source import Query
from gateway.context import Context, read_context
from gateway.location import Point, located
from gateway.parameters import BadLookupError, accepted
from gateway.route import Route

MAX_QUERY = 200
"""Characters of a normalised query or keyword (interface: ``q``)."""

SHARED_TENANT = "public"
"""The tenant of lookups whose answers everyone may share."""

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")

_UNSAFE_COMPATIBILITY = ("<super>", "<sub>", "<fraction>", "<circle>")
"""Compatibility forms whose folding changes the meaning: m² is not m2, ½ is not 1⁄2."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """One question to one source."""

    source: str
    text: str
    params: Mapping[str, str] = field(default_factory=dict)
    keyword: str = ""
    language: str = ""
    tenant: str = SHARED_TENANT
    """Whose answer it is: everybody's, where the source shares its answers."""
    asker: str = field(default="", compare=False)
    """The tenant that asks, and that what it costs is counted for; empty: whose answer it is."""
    near: Point | None = field(default=None, compare=False)
    """Where the asker is; *params* have the middle of the cell that it shares with others."""
    context: Context = ()
    """Of which classes its reader is."""
    history: tuple[str, ...] = ()
    """What its reader looked up before, where that shapes the summary; the latest first."""
    key: str = field(init=False)
    """``v1:{tenant}:{source}:{digest}``: readable in front, SHA-256 behind."""

    def __post_init__(self) -> None:
        members = [self.text, self.keyword, self.language]
        for name in sorted(self.params):
            members += (name, self.params[name])
        if self.context or self.history:
            # No parameter has an empty name: what follows it is none.
            members += ("", str(len(self.context)), *chain(*self.context), *self.history)
        digest = hashlib.sha256(canonical(members)).hexdigest()
        object.__setattr__(self, "asker", self.asker or self.tenant)
        object.__setattr__(self, "key", f"v1:{self.tenant}:{self.source}:{digest}")

    @property
    def query(self) -> Query:
        """The part that the source is asked."""
        return Query(self.text, self.params, self.language)


def make_lookup(
    route: Route,
    q: str | None,
    *,
    keyword: str = "",
    language: str = "",
    params: Mapping[str, str] | None = None,
    tenant: str = SHARED_TENANT,
    context: str = "",
) -> Lookup:
    """Return what is asked of *route*, normalized; raise `BadLookupError` naming what is wrong."""
    text = normalize(q or "", "q", fold_case=route.fold_case)
    if not text and route.query_required:
        raise BadLookupError("q", "say what to look for")
    values, point = accepted(route.params, params or {}), None
    if route.location is not None:
        values, point = located(route.location, route.params, values)
    return Lookup(
        source=route.name,
        text=text,
        params=values,
        near=point,
        keyword=normalize(keyword, "keyword"),
        language=_language(language) or route.language,
        tenant=SHARED_TENANT if route.share == "public" else tenant,
        asker=tenant,
        context=read_context(route.context, context),
    )


def names_space(route: Route, tenant: str) -> str:
    """Return where the names of what *tenant* was answered by *route* are kept."""
    if route.share == "public" or tenant == SHARED_TENANT:
        return route.name
    return f"{tenant}/{route.name}"


def tenant_of(key: str) -> str:
    """Return whose lookup *key* names."""
    return key.removeprefix("v1:").rsplit(":", 2)[0]


def canonical(members: Iterable[str]) -> bytes:
    """Encode *members* so that no two lists share an encoding: each with its length in front."""
    encoded: list[bytes] = []
    for member in members:
        raw = member.encode()
        encoded += (len(raw).to_bytes(8, "big"), raw)
    return b"".join(encoded)


def normalize(text: str, parameter: str = "q", *, fold_case: bool = True) -> str:
    """Return *text* with compatibility forms, case and white space folded.

    Raise `BadLookupError` naming *parameter* when it is too long or cannot be text.
    """
    if not text:
        return ""
    folded = comparable(text, fold_case=fold_case)
    if len(folded) > MAX_QUERY:
        raise BadLookupError(parameter, f"at most {MAX_QUERY} characters, not {len(folded)}")
    if folded.isprintable():
        return folded
    for char in folded:
        if unicodedata.category(char) in ("Cc", "Cs", "Cn"):
            raise BadLookupError(parameter, f"the character U+{ord(char):04X} is not text")
    return folded


def comparable(text: str, *, fold_case: bool = True) -> str:
    """Return *text* as queries are compared, whatever it is."""
    if text.isascii():  # each such character is its own composed and compatible form
        return " ".join((text.casefold() if fold_case else text).split())
    composed = unicodedata.normalize("NFC", text)
    folded = "".join(_compatible(char) for char in composed)
    if fold_case:
        folded = folded.casefold()
    return " ".join(unicodedata.normalize("NFC", folded).split())


def _language(tag: str) -> str:
    """Return the primary language of *tag* (RFC 5646 §2.1): ``ko-KR`` asks for ``ko``."""
    if tag and not _LANGUAGE.fullmatch(tag):
        raise BadLookupError("lang", f"{tag[:40]!r} is no language tag such as ko or en")
    return tag.split("-", maxsplit=1)[0].lower()


@lru_cache(maxsize=8192)
def _compatible(char: str) -> str:
    if unicodedata.category(char) == "Cf":  # invisible: zero-width spaces, direction marks, BOM
        return ""
    if unicodedata.decomposition(char).startswith(_UNSAFE_COMPATIBILITY):
        return char
    return unicodedata.normalize("NFKC", char)
