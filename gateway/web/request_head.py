"""What of a request's head decides an answer that is kept, read without a parser.

Clients repeat their header lines: a block of them is read once and remembered by its bytes. The
few that differ in each request (``traceparent``) are cut out before it is looked up. A head that
asks for anything beyond a kept answer, or is not plain RFC 9110, is nobody's: None.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from gateway.web.caller import Caller
from gateway.web.framing import END
from gateway.web.recent import Recent

LONGEST: Final = 8 << 10
MOST_LINES: Final = 100
_BLOCKS: Final = 40_000
"""So many blocks are remembered."""
_SPELLINGS: Final = 8
"""In so many spellings names of lines that differ each time are known."""

_LINE: Final = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*([\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?[\t ]*"
)
"""RFC 9110 §5.5, without obs-text."""
_TEXT: Final = bytes((0x09, *range(0x20, 0x7F)))
_REQUEST_ID: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~:+/=@-"
_LONGEST_ID: Final = 128

_DECIDING: Final = {
    b"authorization": "credential",
    b"accept-encoding": "accept_encoding",
    b"if-none-match": "if_none_match",
    b"origin": "origin",
    b"x-forwarded-for": "forwarded_for",
}
_ONCE: Final = frozenset({*_DECIDING, b"host", b"user-agent", b"content-type"})
"""aiohttp refuses a second one of the latter (RFC 9110 §5.3); of the former none is the one."""
_VOLATILE: Final = {b"traceparent": _TEXT, b"tracestate": _TEXT, b"x-request-id": _REQUEST_ID}
"""Names of lines that differ in each request, and of what they may consist."""
_FOREIGN: Final = frozenset(
    {
        *(b"content-length", b"transfer-encoding", b"content-encoding", b"upgrade", b"expect"),
        *(b"content-location", b"content-range", b"etag", b"max-forwards", b"server", b"te"),
        *(b"trailer", b"x-session", b"forwarded", b"sec-websocket-key1", b"http2-settings"),
        *(b"proxy-connection", b"keep-alive", *_VOLATILE),
    }
)


@dataclass(slots=True)
class Head:
    """The headers that decide."""

    credential: str = ""
    """What ``Authorization: Bearer`` shows."""
    accept_encoding: str = ""
    if_none_match: bytes = b""
    origin: str = ""
    forwarded_for: str = ""
    """It counts where a proxy is trusted."""
    caller: Caller | None = None
    """Who showed it the last time."""


@dataclass(slots=True)
class _Volatile:
    """A line that differs in each request."""

    prefix: bytes
    """The end of the line before, its name in one spelling, a colon and a blank."""
    alphabet: bytes
    length: int
    at: int = 0
    """Where it stood the last time."""
    size: int = 0
    """How long its value was the last time."""


class Heads:
    """Reads blocks of header lines, and remembers *most* of those that come again."""

    def __init__(self, most: int = _BLOCKS) -> None:
        self._blocks: Recent[bytes, Head] = Recent(most, lambda _: 1)
        self._differing: tuple[_Volatile, ...] = ()

    def read(self, block: bytes) -> tuple[Head, bytes] | None:
        """Return what *block* asks for, and its request id; None when it is not for us.

        *block* is the head from the end of its first line to its own end.
        """
        if not block.endswith(END):
            return None
        request_id = b""
        for line in self._differing:
            at = line.at
            start = at + line.length
            if block[at:start] != line.prefix:
                at = block.find(line.prefix)
                if at < 0:
                    continue
                line.at = at
                start = at + line.length
            end = start + line.size
            if block[end : end + 2] != b"\r\n":
                end = block.find(b"\r\n", start)
                line.size = end - start
            value = block[start:end]
            # Most are of letters, digits and dashes alone.
            if not value.replace(b"-", b"").isalnum() and value.translate(None, line.alphabet):
                return None
            block = block[:at] + block[end:]
            if line.alphabet is _REQUEST_ID:
                if request_id or not 0 < len(value) <= _LONGEST_ID:
                    return None
                request_id = value
        head = self._blocks.young.get(block) or self._recall(block)
        return None if head is None else (head, request_id)

    def _recall(self, block: bytes) -> Head | None:
        head = self._blocks.recall(block)
        if head is None:
            head = self._read(block)
            if head is not None:
                self._blocks.insert(block, head)
        return head

    def _read(self, block: bytes) -> Head | None:
        lines = block[: -len(END)].split(b"\r\n")
        if lines[0] or len(lines) > MOST_LINES:
            return None
        seen: set[bytes] = set()
        found: dict[str, Any] = {}
        for line in lines[1:]:
            match = _LINE.fullmatch(line)
            if match is None:
                return None
            name, value = match[1].lower(), match[2] or b""
            if name in seen or not self._harmless(name, value, line):
                return None
            if name in _ONCE:
                seen.add(name)
            if name in _DECIDING:
                found[_DECIDING[name]] = value if name == b"if-none-match" else value.decode()
        found["credential"] = bearer(found.get("credential", ""))
        return Head(**found) if b"host" in seen else None

    def _harmless(self, name: bytes, value: bytes, line: bytes) -> bool:
        """Whether a line asks for nothing that needs aiohttp; learn the spelling of a volatile."""
        if name == b"connection":
            return value.lower() == b"keep-alive"
        if name not in _FOREIGN:
            return True
        prefix = b"\r\n" + line[: len(name)] + b": "
        known = {each.prefix for each in self._differing}
        if name in _VOLATILE and prefix not in known and len(known) < _SPELLINGS:
            self._differing += (_Volatile(prefix, _VOLATILE[name], len(prefix)),)
        return False


def bearer(authorization: str) -> str:
    """Return what ``Authorization`` shows (RFC 6750 §2.1); empty for another scheme."""
    scheme, _, value = authorization.partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""
