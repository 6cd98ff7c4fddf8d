"""HTTP/1.1 as bytes over a socket: what a client sends is chosen to the byte, and the cut too."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

ASPIRIN = "/v1/search?source=plain&q=aspirin"
"""What is asked for where it does not matter what."""
VARIABLE = {"date", "server-timing", "x-request-id"}
"""Headers that differ each time."""


@dataclass(frozen=True)
class Raw:
    """A response as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def words(self) -> tuple[int, dict[str, str], bytes]:
        """What does not differ from one time to the next."""
        headers = {name: "" if name in VARIABLE else text for name, text in self.headers.items()}
        return self.status, headers, self.body


def get(target: str = ASPIRIN, *lines: str, version: str = "1.1", method: str = "GET") -> bytes:
    """Return a request for *target* with the header *lines*."""
    head = [f"{method} {target} HTTP/{version}", "Host: a", *lines, "", ""]
    return "\r\n".join(head).encode("latin-1")


async def talk(port: int, chunks: Sequence[bytes], answers: int) -> list[Raw]:
    """Send *chunks* one after the other; return at most *answers* responses, or until the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for chunk in chunks:
            writer.write(chunk)
            # Let the server see this chunk alone: it runs in this very loop.
            for _ in range(4):
                await asyncio.sleep(0)
        return await _read_all(reader, answers)
    finally:
        writer.close()


async def _read_all(reader: asyncio.StreamReader, answers: int) -> list[Raw]:
    found: list[Raw] = []
    while len(found) < answers:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
        except (asyncio.IncompleteReadError, ConnectionError):
            break
        lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value
            for name, _, value in (line.partition(": ") for line in lines[1:] if line)
        }
        status = int(lines[0].split(" ")[1])
        if status == 100:
            continue
        size = 0 if status in (204, 304) else int(headers.get("content-length", "0"))
        head_only = headers.get("x-test-head") == "1"
        found.append(Raw(status, headers, b"" if head_only else await reader.readexactly(size)))
    return found
