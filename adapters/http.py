"""HTTP to upstreams: addresses that are checked where they are dialed, bodies that are capped."""

from __future__ import annotations

import email.utils
import ipaddress
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import aiohttp
import msgspec
from yarl import URL

from adapters.errors import Kind, UpstreamError

USER_AGENT = "lookup-gateway/0.1"
_REDIRECTS = {301, 302, 303, 307, 308}
_MAX_REDIRECTS = 3
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Reply(msgspec.Struct, frozen=True):
    """What came back over HTTP."""

    status: int
    body: bytes
    charset: str = ""
    """Of the content type; empty where it says none."""
    retry_after: float | None = None
    """Seconds, from ``Retry-After``."""
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    """By any case of their names."""


class BlockedAddressError(OSError):
    """The address that was about to be dialed is not public."""


def user_agent(contact: str = "") -> str:
    """Return how we name ourselves; *contact* is where upstreams can complain."""
    return f"{USER_AGENT} ({contact})" if contact else USER_AGENT


def is_public(address: str) -> bool:
    """Tell whether *address* is on the public internet, whatever it is wrapped in.

    Python 3.11's ``is_global`` misses NAT64 and 6to4, which carry an IPv4 address.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64:
            ip = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        else:
            ip = ip.ipv4_mapped or ip.sixtofour or ip
    return ip.is_global and not ip.is_multicast


def _open_socket(info: tuple[Any, ...]) -> socket.socket:
    return socket.socket(info[0], info[1], info[2])


def _open_public_socket(info: tuple[Any, ...]) -> socket.socket:
    """Refuse what is not public; a resolver alone would let literal addresses through."""
    if not is_public(info[4][0]):
        raise BlockedAddressError("the address is not public")
    return _open_socket(info)


def open_session(
    *,
    allow_private: bool = False,
    user_agent: str = USER_AGENT,
    connections: int = 0,
    traces: Sequence[aiohttp.TraceConfig] = (),
) -> aiohttp.ClientSession:
    """Return a session for upstreams, to be closed by who asked for it.

    It takes no proxy and no credentials from the environment and keeps no cookies. Unless
    *allow_private*, it dials public addresses only: the address really dialed is
    checked, so that DNS rebinding and redirects gain nothing. *traces* see each call begin and end.
    At most *connections* are open at a time; 0: as many as are asked for, which the limits of each
    source bound (`adapters.permits`), so that none waits for another's.
    """
    factory = _open_socket if allow_private else _open_public_socket
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, socket_factory=factory),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": user_agent},
        timeout=aiohttp.ClientTimeout(total=60, connect=10),
        trust_env=False,
        trace_configs=list(traces),
        requote_redirect_url=False,
    )


async def send(
    session: aiohttp.ClientSession,
    url: URL,
    headers: Mapping[str, str],
    *,
    seconds: float,
    max_bytes: int,
    clean: Callable[[bytes], bytes] = bytes,
) -> Reply:
    """Get *url* within *seconds*; raise `UpstreamError`, never anything with the URL.

    *clean* takes keys out of the body. Redirects stay on the host that was configured.
    """
    target, limits = url, _limits(seconds)
    try:
        for _ in range(_MAX_REDIRECTS + 1):
            async with session.get(
                target, headers=headers, timeout=limits, allow_redirects=False
            ) as response:
                if response.status not in _REDIRECTS:
                    body = await _read_body(response, max_bytes)
                    return _to_reply(response, clean(body))
                target = _redirected(url, target, response.headers.get("Location", ""))
    except TimeoutError as error:
        raise UpstreamError(Kind.TIMEOUT, f"no answer within {seconds:g} s") from error
    except aiohttp.ClientConnectorError as error:
        raise _unreachable(error) from error
    except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError) as error:
        raise UpstreamError(Kind.TRANSIENT, "the connection broke off") from error
    except (aiohttp.ClientError, ValueError, OSError) as error:
        # The error may hold the URL, and the URL the key: it goes no further.
        raise UpstreamError(Kind.UPSTREAM_DOWN, f"no connection ({type(error).__name__})") from None
    raise UpstreamError(Kind.MALFORMED, "the upstream redirects in circles")


async def _read_body(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    content, length = response.content, 0
    pieces = []  # one, as a rule: it is not copied then
    while True:
        piece = await content.readany()
        length += len(piece)
        if length > max_bytes:
            response.close()
            raise UpstreamError(Kind.MALFORMED, f"the answer is longer than {max_bytes} bytes")
        pieces.append(piece)
        if content.at_eof():
            return b"".join(pieces)


def _to_reply(response: aiohttp.ClientResponse, body: bytes) -> Reply:
    headers = response.headers
    asked = headers.get("Retry-After")
    wait = None if asked is None else parse_retry_after(asked, time.time())
    return Reply(response.status, body, response.charset or "", wait, headers)


@lru_cache(maxsize=256)
def _limits(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds)


def parse_retry_after(value: str, now: float) -> float | None:
    """Return the seconds of a ``Retry-After`` header, a number or an HTTP date (RFC 9110)."""
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now)
    except ValueError:
        return None


def _redirected(origin: URL, current: URL, location: str) -> URL:
    try:
        target = current.join(URL(location, encoded=True))
    except ValueError:
        target = URL()
    if not location or (target.host, target.scheme) != (origin.host, origin.scheme):
        raise UpstreamError(Kind.MALFORMED, "the upstream redirects to another host")
    return target


def _unreachable(error: aiohttp.ClientConnectorError) -> UpstreamError:
    if "not public" in str(error.os_error):
        why = "the address of this source is private, and allow_private is not set"
        return UpstreamError(Kind.MISCONFIGURED, why)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return UpstreamError(Kind.UPSTREAM_DOWN, "the upstream's name cannot be resolved")
    if isinstance(error, aiohttp.ClientSSLError):
        return UpstreamError(Kind.UPSTREAM_DOWN, "no secure connection to the upstream")
    return UpstreamError(Kind.UPSTREAM_DOWN, "the upstream cannot be reached")
