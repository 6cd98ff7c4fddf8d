"""Large bodies: a list of thousands of lookups, as one JSON document or one in each line."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from aiohttp import hdrs, web
from aiohttp.web_request import Request

from gateway.wanted import Wanted, written
from gateway.web import encoding
from gateway.web.parameters import RESERVED, Asker, Search, read_members, search_of
from gateway.web.problems import ProblemError, bad_body

LINES = frozenset({"application/jsonl", "application/x-ndjson", "application/jsonlines"})
_BREATH = 100
"""Lookups that are read before others have their turn: reading thousands takes a while."""


async def read_large(request: Request, most: int) -> bytes:
    """Return the body; raise `ProblemError`: 413 for more than *most* bytes, 415 for a coded one.

    Nothing of it is read where its length says already that it is too long.
    """
    if request.headers.get(hdrs.CONTENT_ENCODING, encoding.IDENTITY) != encoding.IDENTITY:
        raise ProblemError(415, "the body is to be sent as it is, without a Content-Encoding")
    if (request.content_length or 0) > most:
        raise web.HTTPRequestEntityTooLarge(most, request.content_length or 0)
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > most:
            raise web.HTTPRequestEntityTooLarge(most, len(body))
    return bytes(body)


def lookups_in(body: bytes, media_type: str) -> tuple[list[Any], dict[str, Any]]:
    """Return the lookups that *body* holds, and what else it says; raise `ProblemError` 400.

    A JSON list of them, an object that has them under ``lookups``, or an object in each line.
    """
    if media_type in LINES:
        return _lines(body), {}
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if body.lstrip()[:1] == b"{" and b"\n" in body.strip():
            return _lines(body), {}
        raise bad_body("", f"not JSON: {error.msg} at line {error.lineno}") from error
    if isinstance(value, list):
        return value, {}
    if isinstance(value, dict) and isinstance(value.get("lookups"), list):
        return value.pop("lookups"), value
    if isinstance(value, dict) and "source" in value:
        return [value], {}
    raise bad_body("", "a list of lookups is wanted, or one in each line")


def _lines(body: bytes) -> list[Any]:
    found = []
    for number, line in enumerate(body.splitlines(), 1):
        if line.strip():
            try:
                found.append(orjson.loads(line))
            except orjson.JSONDecodeError as error:
                raise bad_body("", f"line {number} is not JSON: {error.msg}") from error
    return found


async def read_lookups(items: list[Any], who: Asker) -> list[str]:
    """Return each lookup as it is kept; raise `ProblemError` for the first that cannot be asked."""
    kept = []
    for number, item in enumerate(items):
        pointer = f"/lookups/{number}"
        try:
            wanted, asked = read_wanted_of(item, pointer, who)
        except ProblemError as problem:
            problem.members.setdefault("pointer", pointer)
            raise
        if asked.route.store == "never":
            raise bad_body(pointer, f"the answers of {asked.route.name} may not be kept")
        kept.append(written(wanted))
        if number % _BREATH == 0:
            await asyncio.sleep(0)
    return kept


def read_wanted_of(item: object, pointer: str, who: Asker) -> tuple[Wanted, Search]:
    """Return what the JSON object *item* asks for; raise `ProblemError`."""
    if not isinstance(item, dict):
        raise bad_body(pointer, "a JSON object is wanted")
    given = read_members(item)
    asked = search_of(given, who)
    wanted = Wanted(
        source=asked.route.name,
        q=given.get("q", ""),
        keyword=given.get("keyword", ""),
        lang=given.get("lang", ""),
        context=given.get("context", ""),
        params={name: value for name, value in given.items() if name not in RESERVED},
        fields=asked.fields,
        limit=asked.limit,
        summary=asked.summary,
    )
    return wanted, asked
