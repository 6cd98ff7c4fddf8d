"""What may have been meant: the nearest names, beside an answer that found nothing."""

from __future__ import annotations

import asyncio
import hashlib

import orjson

from gateway.answer import Answer
from gateway.assembly import Gateway
from gateway.lookup import names_space
from gateway.web.parameters import Search
from storage.tier import TierError

NAMES = 5
"""At most so many are offered."""
WITHIN = 0.1
"""Seconds after which the answer goes without them."""


async def nearest_names(gateway: Gateway, asked: Search, answer: Answer) -> bytes:
    """Return the JSON list of the kept names that come nearest to what found nothing.

    Empty where something was found, where no name is near, and where the index is slow.
    """
    if not answer.entry.empty or not asked.lookup.text:
        return b""
    space = names_space(asked.route, asked.lookup.asker)
    try:
        async with asyncio.timeout(WITHIN):
            found = await gateway.names.suggest(space, asked.lookup.text, NAMES)
    except (TierError, TimeoutError):
        return b""
    return orjson.dumps([{"id": each.id, "name": each.name} for each in found]) if found else b""


def rendered(answer: Answer, asked: Search, nearest: bytes = b"") -> bytes:
    """Return the JSON of *answer* as it was *asked* for, with the *nearest* names if there are."""
    body = answer.body(fields=asked.fields, limit=asked.limit, summary=asked.summary)
    return b'%b,"suggestions":%b}' % (body[:-1], nearest) if nearest else body


def marked(content: str, nearest: bytes) -> str:
    """Return the tag of an answer's *content* with the *nearest* names beside it."""
    if not nearest:
        return content
    return f"{content}-{hashlib.blake2b(nearest, digest_size=6).hexdigest()}"
