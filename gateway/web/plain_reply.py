"""What a plain lookup is answered, as the bytes of a response; nothing here does I/O."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

from aiohttp.http import SERVER_SOFTWARE

from gateway.answer import Answer
from gateway.web import encoding, headers
from gateway.web.measuring import UPSTREAM
from gateway.web.problems import MEDIA_TYPE, ProblemError

_PATH = "/v1/search"
_ALWAYS = f"Server: {SERVER_SOFTWARE}\r\nX-Content-Type-Options: nosniff\r\n"


class Reply(NamedTuple):
    """A response, and what is told of it."""

    data: bytes
    status: int
    tier: str
    """Where the answer came from (`gateway.events.Responded`)."""
    length: int
    """Bytes of its body."""
    cache: str | None = None
    """Its ``Cache-Status``."""
    queries: int = 0
    """How often the database was asked for it."""


class Told(NamedTuple):
    """What a response says of an answer."""

    lines: str
    cache: str
    tier: str


class Moment(NamedTuple):
    """What a response says beside what was asked."""

    at: float
    """Unix seconds."""
    request_id: str
    limits: bytes
    """Lines on limits."""


def found(told: Told, body: bytes, coding: str, moment: Moment) -> Reply:
    """Return the response with *body* in *coding*."""
    coded = "" if coding == encoding.IDENTITY else f"Content-Encoding: {coding}\r\n"
    first = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{coded}"
        f"Content-Length: {len(body)}\r\n"
    )
    data = _response(first + told.lines, moment, body)
    return Reply(data, 200, told.tier, len(body), told.cache)


def unchanged(told: Told, moment: Moment) -> Reply:
    """Return the response to whoever has it already (RFC 9110 §15.4.5)."""
    data = _response("HTTP/1.1 304 Not Modified\r\n" + told.lines, moment)
    return Reply(data, 304, told.tier, 0, told.cache)


def refusal(problem: ProblemError, moment: Moment) -> Reply:
    """Return *problem* as the answer."""
    body, status = problem.body(_PATH), problem.status
    given = {"Cache-Control": "no-store", **problem.headers}
    first = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: {MEDIA_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\n{_written(given)}"
    )
    return Reply(_response(first, moment, body), status, "", len(body))


def told_of(answer: Answer, tag: str, vary: str, timing: str) -> Told:
    """Return what the head says of *answer*, whose entity tag is *tag*."""
    age, kept = answer.age, answer.outcome in ("hit", "stale")
    if kept and not answer.degraded:  # most are: what is asked of it is worked out once
        ttl = answer.ttl
        cache = headers.kept_status(ttl, answer.tier)
        control = headers.lifetime(age + ttl, answer.policy)
    else:
        cache, control = headers.cache_status(answer), headers.cache_control(answer)
    lines = (
        f"Cache-Control: {control}\r\nCache-Status: {cache}\r\n"
        f"Age: {age}\r\nETag: {tag}\r\nVary: {vary}\r\nServer-Timing: {timing}\r\n"
    )
    return Told(lines, cache, answer.tier if kept else UPSTREAM)


def _response(head: str, moment: Moment, body: bytes = b"") -> bytes:
    own = f"{_ALWAYS}{_date(int(moment.at))}X-Request-Id: {moment.request_id}\r\n"
    return b"".join(((head + own).encode(), moment.limits, b"\r\n", body))


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return f"Date: {formatdate(second, usegmt=True)}\r\n"


def _written(given: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in given.items())
