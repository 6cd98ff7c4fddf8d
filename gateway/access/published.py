"""Fetching what an identity provider publishes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson
from yarl import URL

from adapters.errors import UpstreamError
from adapters.http import send
from gateway.access.jwks import Fetch

_SECONDS, _BYTES = 5.0, 256 << 10


def fetching(session: aiohttp.ClientSession) -> Fetch:
    """Return what gets the JSON object at a URL; it raises `ValueError` when it cannot be had."""

    async def fetch(url: str) -> Mapping[str, Any]:
        accept = {"Accept": "application/json"}
        try:
            reply = await send(session, URL(url), accept, seconds=_SECONDS, max_bytes=_BYTES)
        except UpstreamError as error:
            raise ValueError(error.message) from error
        found = orjson.loads(reply.body)
        if reply.status != 200 or not isinstance(found, dict):
            raise ValueError("no JSON object is published there")
        return found

    return fetch
