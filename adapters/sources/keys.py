"""Keys: encoded exactly once on the way out, and never seen on the way back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote

from adapters.sources.spec import AuthSpec, SpecError

REDACTED = "REDACTED"
_SECRET_LENGTH = 6
"""Shorter keys are no secrets, and their letters stand in ordinary words."""
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")


def plain_key(path: str, auth: AuthSpec) -> str:
    """Return the key as the upstream knows it, with no percent-encoding left.

    data.go.kr hands out an encoded and a decoded key, and refuses the encoded one when
    a client encodes it again (``%`` to ``%25``, ``api-quirks`` §1.1). Raise `SpecError`
    at *path* where a ``%`` would be left to encode.
    """
    key = auth.key.strip()
    if auth.place == "header":
        return key
    if auth.form == "encoded":
        key = unquote(key)
    while auth.form == "auto" and _ESCAPE.search(key):
        key = unquote(key)
    if "%" in key:
        raise SpecError(path, "the key still holds a '%': set form to 'encoded' or 'auto'")
    return key


class Redactor:
    """Takes keys out of texts and bodies, in every form in which an upstream may echo them."""

    def __init__(self, keys: Iterable[str]) -> None:
        forms = {
            form
            for key in keys
            if len(key) >= _SECRET_LENGTH
            for form in (key, quote(key, safe=""), quote(key))
        }
        self._texts = sorted(forms, key=len, reverse=True)
        self._bytes = [form.encode() for form in self._texts]

    def clean(self, text: str) -> str:
        """Return *text* without keys."""
        for form in self._texts:
            text = text.replace(form, REDACTED)
        return text

    def clean_bytes(self, body: bytes) -> bytes:
        """Return *body* without keys."""
        for form in self._bytes:
            body = body.replace(form, REDACTED.encode())
        return body
