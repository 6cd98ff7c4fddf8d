"""Calling somebody else's webhook: one POST, to an address that is checked where it is dialed."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp
from yarl import URL

_MAX_ANSWER = 4096
"""Bytes of an answer that are read, so that its connection can be used again."""


class WebhookError(Exception):
    """Nobody there, or not willing; *final*: another try would not help."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


async def call(
    session: aiohttp.ClientSession,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    seconds: float,
) -> None:
    """Send *body* to *url* within *seconds*; raise `WebhookError` unless that is acknowledged.

    Redirects are not followed: the host was allowed, and another was not. 410 is final: who
    answers so wants no more (RFC 9110 §15.5.11).
    """
    sent = {"Content-Type": "application/json", **headers}
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with session.post(
            URL(url), data=body, headers=sent, timeout=timeout, allow_redirects=False
        ) as response:
            await response.content.read(_MAX_ANSWER)
            status = response.status
    except TimeoutError as error:
        raise WebhookError(f"no answer within {seconds:g} s") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # The error may hold the URL, and the URL a secret: it goes no further.
        raise WebhookError(f"no connection ({type(error).__name__})") from None
    if not 200 <= status < 300:
        raise WebhookError(f"status {status}", final=status == 410)
