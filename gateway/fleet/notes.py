"""What a replica leaves for the others where its fetch has failed, and how they read it."""

from __future__ import annotations

import msgspec

from adapters.errors import Kind, UpstreamError
from storage.leases import Note


class _Failure(msgspec.Struct, frozen=True):
    kind: Kind
    message: str
    retry_after: float | None = None


_decoder = msgspec.json.Decoder(_Failure)


def noted(error: BaseException) -> Note:
    """Return *error* as a note, if it is one that the next caller is given without a new call."""
    if not isinstance(error, UpstreamError) or error.kind.consequence.remember <= 0:
        return Note()
    failure = _Failure(error.kind, error.message, error.retry_after)
    return Note(msgspec.json.encode(failure).decode(), error.kind.consequence.remember)


def heed(note: str) -> None:
    """Raise the `UpstreamError` that *note* tells of; return where it tells of none."""
    if not note:
        return
    try:
        failure = _decoder.decode(note)
    except msgspec.DecodeError:
        return  # another version of the gateway has left it
    raise UpstreamError(failure.kind, failure.message, retry_after=failure.retry_after)
