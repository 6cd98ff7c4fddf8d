"""Conditional requests (RFC 9110 §13): asking whether what is kept still holds, for no byte.

A validator is the upstream's ``ETag`` and ``Last-Modified`` behind a digest of how the source
is asked and read: after its configuration changed, an old answer must not be renewed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from adapters.sources.answers import ResponseSpec
from adapters.sources.spec import RequestSpec

NOT_MODIFIED = 304
_LONGEST = 512
"""Characters of a header that are kept; what is longer is no use to remember."""


class Conditions:
    """The validators of one source. Several pages have none: one of them may stay the same."""

    def __init__(self, request: RequestSpec, response: ResponseSpec) -> None:
        self._applies = request.pages.max == 1
        asked = msgspec.structs.replace(request, auth=())
        content = msgspec.json.encode((asked, response), enc_hook=str)
        self._mark = hashlib.blake2b(content, digest_size=8).hexdigest()

    def validator(self, headers: Mapping[str, str]) -> str:
        """Return what to remember of an answer with *headers*; empty: it cannot be asked about."""
        tag, modified = headers.get("ETag", ""), headers.get("Last-Modified", "")
        if not self._applies or not (tag or modified) or len(tag) + len(modified) > _LONGEST:
            return ""
        return f"{self._mark}\n{tag}\n{modified}"

    def headers(self, validator: str) -> dict[str, str]:
        """Return the headers that ask whether what came with *validator* still holds."""
        if not validator:
            return {}
        mark, *values = validator.split("\n")
        if not self._applies or mark != self._mark or len(values) != 2:
            return {}
        named = zip(("If-None-Match", "If-Modified-Since"), values, strict=True)
        return {name: value for name, value in named if value}
