"""``POST /v1/search``: up to a hundred lookups in one request, each answered for itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web
from aiohttp.web_request import Request

from adapters.errors import UpstreamError
from gateway.answer import Answer
from gateway.assembly import Gateway
from gateway.resolver import Resolver
from gateway.web.admission import asker
from gateway.web.bodies import coded, read_object
from gateway.web.headers import cache_status
from gateway.web.keys import GATEWAY
from gateway.web.nearest import nearest_names, rendered
from gateway.web.parameters import Asker, Search, read_members, search_of
from gateway.web.problems import ProblemError, bad_body, upstream_failed
from gateway.web.search import CALLER_DEADLINE

MAX_LOOKUPS = 100
_Distinct = tuple[str, bool]
"""A key, and whether a summary is wanted: what is resolved once."""


async def batch(request: Request) -> web.Response:
    """Answer each lookup, in order; raise `ProblemError` when the body holds no list of them."""
    gateway = request.app[GATEWAY]
    wanted = _lookups(await read_object(request))
    who = asker(request)
    read = [_read(item, index, who) for index, item in enumerate(wanted)]
    answers = await _resolved(
        gateway.resolver, (asked for asked in read if isinstance(asked, Search))
    )
    told = await asyncio.gather(
        *(_told(gateway, asked, answers, _place(index)) for index, asked in enumerate(read))
    )
    return coded(request, b'{"answers":[' + b",".join(told) + b"]}", {})


def _lookups(body: Mapping[str, Any]) -> list[Any]:
    for name in body:
        if name != "lookups":
            raise bad_body(f"/{name}", "no such member; the lookups stand in /lookups")
    wanted = body.get("lookups")
    if not isinstance(wanted, list):
        raise bad_body("/lookups", "a list of lookups is wanted")
    if len(wanted) > MAX_LOOKUPS:
        raise bad_body("/lookups", f"at most {MAX_LOOKUPS} lookups, not {len(wanted)}")
    return wanted


def _read(item: object, index: int, who: Asker) -> Search | ProblemError:
    if not isinstance(item, dict):
        return bad_body(f"/lookups/{index}", "a JSON object is wanted")
    try:
        return search_of(read_members(item), who)
    except ProblemError as problem:
        return problem


async def _resolved(
    resolver: Resolver, asked: Iterable[Search]
) -> dict[_Distinct, Answer | UpstreamError]:
    """Resolve each distinct lookup once, all at the same time."""
    distinct = {_distinct(each): each.lookup for each in asked}
    results = await asyncio.gather(
        *(
            resolver.resolve(lookup, CALLER_DEADLINE, want_summary=summary)
            for (_, summary), lookup in distinct.items()
        ),
        return_exceptions=True,
    )
    answers: dict[_Distinct, Answer | UpstreamError] = {}
    for key, result in zip(distinct, results, strict=True):
        if not isinstance(result, Answer | UpstreamError):
            raise result
        answers[key] = result
    return answers


async def _told(
    gateway: Gateway,
    asked: Search | ProblemError,
    answers: Mapping[_Distinct, Answer | UpstreamError],
    place: str,
) -> bytes:
    if isinstance(asked, ProblemError):
        return _problem(asked, place)
    answer = answers[_distinct(asked)]
    if isinstance(answer, UpstreamError):
        return _problem(upstream_failed(answer, asked.route.name), place)
    # Every answer says where it came from; a list has no header for each.
    where = cache_status(answer).encode()
    nearest = await nearest_names(gateway, asked, answer)
    body = rendered(answer.seen_from(asked.lookup.near), asked, nearest)
    return b'{"status":200,"answer":%b,"age":%d,"cache_status":"%b"}' % (body, answer.age, where)


def _problem(problem: ProblemError, place: str) -> bytes:
    return b'{"status":%d,"problem":%b}' % (problem.status, problem.body(place))


def _distinct(asked: Search) -> _Distinct:
    return asked.lookup.key, asked.summary


def _place(index: int) -> str:
    return f"/v1/search#/lookups/{index}"
