"""Where one request ends and the next begins, in the bytes that a client sends.

aiohttp's parser does not say whether it stands at the start of a message, and only there may
anybody look at bytes before it does. This follows what is plainly framed (RFC 9112 §6: a head,
then ``Content-Length`` bytes) and gives up for the rest of the connection on anything else.
"""

from __future__ import annotations

from typing import Final

END: Final = b"\r\n\r\n"
LONGEST_HEAD: Final = 64 << 10
_UNFOLLOWED: Final = (b"transfer-encoding", b"upgrade")
_DIGITS: Final = 18


class Framing:
    """Follows one connection."""

    __slots__ = ("_body", "_lost", "_partial", "at_start")

    def __init__(self) -> None:
        self._partial = b""
        self._body = 0
        self._lost = False
        self.at_start = True
        """Whether the next byte is certain to be the first of a request."""

    def follow(self, data: bytes) -> None:
        """Follow *data*, which the parser is given as well."""
        self._follow(data)
        self.at_start = not (self._lost or self._partial or self._body)

    def _follow(self, data: bytes) -> None:
        while data and not self._lost:
            if self._body:
                taken = min(self._body, len(data))
                self._body -= taken
                data = data[taken:]
                continue
            buffered = self._partial + data
            end = buffered.find(END)
            if end < 0:
                self._partial = buffered
                self._lost = len(buffered) > LONGEST_HEAD
                return
            self._partial = b""
            length = body_length(buffered[:end])
            self._lost = length is None
            self._body = length or 0
            data = buffered[end + len(END) :]


def body_length(head: bytes) -> int | None:
    """Return how many bytes follow *head*, a request without its empty line; None: who knows."""
    lines = head.split(b"\r\n")
    if not lines[0] or lines[0].startswith(b"CONNECT ") or head.count(b"\n") != len(lines) - 1:
        return None
    length = 0
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        name = name.lower()
        if not colon or name != name.strip() or name in _UNFOLLOWED:
            return None
        if name == b"content-length":
            value = value.strip(b" \t")
            if length or not value.isdigit() or len(value) > _DIGITS:
                return None
            length = int(value)
    return length
