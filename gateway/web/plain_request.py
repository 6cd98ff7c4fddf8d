"""Which requests are plain lookups that memory has not, read without a parser (`plain`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from time import perf_counter
from typing import NamedTuple

from yarl import URL

from gateway.assembly import Gateway
from gateway.web.admission import visible
from gateway.web.caller import Caller
from gateway.web.limits import ClientLimits
from gateway.web.middlewares import request_id_of, trace_id_of
from gateway.web.parameters import Asker, Search, read_single, search_of
from gateway.web.problems import ProblemError
from gateway.web.seats import Asked

_PATH = "/v1/search"
_START = b"GET /v1/search?"
_QUERY = re.compile(rb"[A-Za-z0-9._~!*'()/:@,+%&=-]*")
"""That every parser reads alike."""
_TAG = re.compile(rb'(?:W/)?"([\x21\x23-\x2b\x2d-\x7e]*)"')
"""One entity tag (RFC 9110 §8.8.3) without a comma."""
_TRACEPARENT = re.compile(rb"(?i)\r\ntraceparent:[\t ]*([!-~]+)[\t ]*\r\n")


class Plain(NamedTuple):
    """A lookup that is to be answered."""

    asked: Asked
    search: Search
    known: bytes
    """The opaque tag of what its client has; empty: nothing."""
    request_id: str
    limits: bytes
    """Lines on limits, for the answer's head."""
    since: float
    """When it came, by `time.perf_counter`."""


class PlainRequests:
    """Reads plain lookups of *gateway*, and counts them in *limits*."""

    def __init__(self, gateway: Gateway, limits: ClientLimits) -> None:
        self._gateway = gateway
        self._limits = limits

    def read(self, asked: Asked) -> Plain | None:
        """Return what is *asked*, counted; None: it goes the whole way."""
        since, query, same = perf_counter(), asked.line[len(_START) :], asked.head.if_none_match
        known = _TAG.fullmatch(same or b'""')
        if known is None or not _QUERY.fullmatch(query):
            return None
        search = self._search(query, asked.caller)
        if search is None:
            return None
        client = asked.caller.client
        told = b"" if client is None else client.lines(self._limits.clock())
        if told is None:
            return None
        name = request_id_of(asked.request_id.decode())
        return Plain(asked, search, known[1], name, told, since)

    def _search(self, query: bytes, caller: Caller) -> Search | None:
        identity = caller.identity
        routes = visible(identity, self._gateway.routes)
        try:
            search = search_of(read_given(query.decode()), Asker(identity.tenant, routes))
        except ProblemError:
            return None
        return None if self._gateway.tiers.memory.has(search.lookup.key) else search


class Members:
    """What log lines say of the request that they belong to."""

    __slots__ = ("_known", "_plain")

    def __init__(self, plain: Plain) -> None:
        self._plain = plain
        self._known: Mapping[str, str] = {}

    def __call__(self) -> Mapping[str, str]:
        """Return them, always the same."""
        if not self._known:
            plain, asked = self._plain, self._plain.asked
            found = _TRACEPARENT.search(asked.data)
            self._known = {
                "request_id": plain.request_id,
                "trace_id": trace_id_of(found[1].decode() if found else ""),
                "source": plain.search.route.name,
                "tenant": asked.caller.identity.tenant,
                "who": asked.caller.identity.name,
            }
        return self._known


def read_given(query: str) -> dict[str, str]:
    """Return the parameters of *query* as aiohttp would read them; raise `ProblemError`."""
    if "%" not in query:
        pairs = [part.replace("+", " ").partition("=")[::2] for part in query.split("&") if part]
        given = dict(pairs)
        if len(given) == len(pairs):
            return given
    return read_single(URL.build(path=_PATH, query_string=query, encoded=True).query)
