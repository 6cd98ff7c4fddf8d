"""``/v1/batches``: thousands of lookups, done behind callers; their results as they are done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import msgspec
import orjson
from aiohttp import web
from aiohttp.web_request import Request

from adapters.errors import Kind, UpstreamError
from adapters.sources.units import parse_duration
from gateway.answer import Outcome
from gateway.answering import judge, kept_answer
from gateway.assembly import Gateway
from gateway.bulk.batches import Progress, TooManyBatchesError
from gateway.bulk.faults import Fault
from gateway.events import Audited
from gateway.freshness import Verdict
from gateway.instants import instant
from gateway.parameters import BadLookupError
from gateway.wanted import read_wanted
from gateway.web.admission import asker
from gateway.web.bulk_bodies import lookups_in, read_large, read_lookups
from gateway.web.events import ENDING
from gateway.web.headers import cache_status
from gateway.web.keys import GATEWAY, IDENTITY
from gateway.web.parameters import Asker, read_single
from gateway.web.problems import ProblemError, bad_body, bad_parameter, upstream_failed
from storage.batches import Finished
from storage.tier import TierError

MAX_NOTE = 200
"""Characters."""
POLL = 1.0
"""Seconds between two looks for what other processes have done."""
MEDIA_TYPE = "application/jsonl"
_NO_STORE = {"Cache-Control": "no-store"}


async def make(request: Request) -> web.Response:
    """Keep the lookups of the body and have them done; 202 with where to look.

    Raise `ProblemError`: 400 for the first lookup that cannot be asked, 413, 429, 503.
    """
    gateway, who, name = request.app[GATEWAY], asker(request), request[IDENTITY].name
    spec = gateway.bulk.batches.spec
    body = await read_large(request, spec.max_bytes)
    items, more = lookups_in(body, request.content_type)
    patience = _patience(more, request.query, spec.keep)
    note = _note(more)
    if not 1 <= len(items) <= spec.max_lookups:
        wanted = f"1 to {spec.max_lookups} lookups are wanted, not {len(items)}"
        raise bad_body("/lookups", wanted)
    asked = await read_lookups(items, who)
    try:
        batch = await gateway.bulk.batches.add(who.tenant, name, asked, note, patience)
    except TooManyBatchesError as error:
        detail = f"{spec.max_open} batches are not done yet"
        raise ProblemError(429, detail, kind="too-many-batches", members={}) from error
    except TierError as error:
        raise _away() from error
    gateway.events.emit(Audited(who.tenant, name, "batch.created", batch.id))
    progress = Progress(batch, {"waiting": batch.total, "done": 0, "failed": 0})
    headers = {**_NO_STORE, "Location": f"/v1/batches/{batch.id}"}
    return _json(_shown(progress), status=202, headers=headers)


async def show(request: Request) -> web.Response:
    """Say how far a batch is; raise `ProblemError` 404 where the caller's tenant has none such."""
    return _json(_shown(await _progress(request)))


async def cancel(request: Request) -> web.Response:
    """See that no more of a batch is done; what is done stays. Raise `ProblemError` 404."""
    gateway, tenant = request.app[GATEWAY], asker(request).tenant
    progress = await _progress(request)
    try:
        cancelled = await gateway.bulk.batches.cancel(progress.batch.id, tenant)
    except TierError as error:
        raise _away() from error
    if cancelled:
        who = request[IDENTITY].name
        gateway.events.emit(Audited(tenant, who, "batch.cancelled", progress.batch.id))
    return web.Response(status=204, headers=_NO_STORE)


async def results(request: Request) -> web.StreamResponse:
    """Write a line for each lookup as it is done, until all are; ``after`` reads on from a place.

    With ``wait=false`` it ends with what is done already. Raise `ProblemError` 400 or 404.
    """
    given = read_single(request.query)
    for name in given:
        if name not in ("after", "wait"):
            raise bad_parameter(name, "no such parameter", nearest=["after", "wait"])
    after, wait = given.get("after", "0"), given.get("wait", "true")
    if not (after.isascii() and after.isdigit() and len(after) <= 9):
        raise bad_parameter("after", "the place of a line is wanted")
    if wait not in ("true", "false"):
        raise bad_parameter("wait", "true or false is wanted")
    await _progress(request)
    response = web.StreamResponse(headers={"Content-Type": MEDIA_TYPE, **_NO_STORE})
    await response.prepare(request)
    async for line in _lines(request, int(after), wait=wait == "true"):
        await response.write(line)
    await response.write_eof()
    return response


async def _lines(request: Request, place: int, *, wait: bool) -> AsyncIterator[bytes]:
    gateway, who = request.app[GATEWAY], asker(request)
    batches, name = gateway.bulk.batches, request.match_info["id"]
    while True:
        news = batches.news
        try:
            # Its state is read first: what is done then stands in what is read afterwards.
            progress = await batches.progress(name, who.tenant)
            done = await batches.results(name, place)
        except TierError:
            if request.app[ENDING].is_set():
                return
            await asyncio.sleep(POLL)  # the stream has begun: it goes on when the database does
            continue
        for each in done:
            yield await _line(gateway, who, each)
            place = each.place
        if done:
            continue
        if not wait or progress is None or progress.batch.state != "open":
            return
        if request.app[ENDING].is_set():
            return
        await batches.wait(news, POLL)


async def _line(gateway: Gateway, who: Asker, item: Finished) -> bytes:
    head = b'{"number":%d,"place":%d,' % (item.number, item.place)
    try:
        if item.status == "failed":
            raise _fault(item)
        told = await _answered(gateway, who, item)
    except ProblemError as problem:
        body = problem.body(f"/v1/batches#/lookups/{item.number}")
        told = b'"status":%d,"problem":%b' % (problem.status, body)
    return head + told + b"}\n"


async def _answered(gateway: Gateway, who: Asker, item: Finished) -> bytes:
    """Return the answer as the tiers have it now; raise `ProblemError` 410 where they have none."""
    try:
        wanted = read_wanted(item.asked)
        route, lookup = wanted.lookup(who.routes, who.tenant)
    except BadLookupError as error:
        raise bad_parameter(error.parameter, error.message) from error
    found = await gateway.tiers.find(lookup.key)
    if found is None:
        raise ProblemError(410, "the answer is not kept any more; ask for it anew", kind="gone")
    want_summary, now = (
        wanted.summary and route.summarizer is not None,
        gateway.bulk.batches.clock(),
    )
    fresh = judge(found, route, now, want_summary=want_summary) is Verdict.FRESH
    outcome: Outcome = "hit" if fresh else "stale"
    answer = kept_answer(found, route, outcome, now, want_summary=want_summary)
    answer = answer.seen_from(lookup.near)
    body = answer.body(fields=wanted.fields, limit=wanted.limit, summary=wanted.summary)
    where = cache_status(answer).encode()
    return b'"status":200,"age":%d,"cache_status":"%b","answer":%b' % (answer.age, where, body)


def _fault(item: Finished) -> ProblemError:
    fault = msgspec.json.decode(item.detail, type=Fault)
    if fault.kind == "parameter":
        return bad_parameter(fault.parameter, fault.message)
    source = str(orjson.loads(item.asked).get("source", ""))
    return upstream_failed(UpstreamError(Kind(fault.kind), fault.message), source)


async def _progress(request: Request) -> Progress:
    gateway, name = request.app[GATEWAY], request.match_info["id"]
    try:
        progress = await gateway.bulk.batches.progress(name, asker(request).tenant)
    except TierError as error:
        raise _away() from error
    if progress is None:
        raise ProblemError(404, "there is no such batch", kind="unknown-batch")
    return progress


def _shown(progress: Progress) -> dict[str, object]:
    batch = progress.batch
    return {
        "id": batch.id,
        "state": batch.state,
        "total": batch.total,
        "waiting": progress.counts["waiting"],
        "done": progress.counts["done"],
        "failed": progress.counts["failed"],
        "note": batch.note or None,
        "created": instant(batch.created),
        "results": f"/v1/batches/{batch.id}/results",
    }


def _patience(more: dict[str, object], query: Mapping[str, str], most: float) -> float:
    """Return the seconds that the caller will wait for cheaper summaries; lines tell it apart."""
    value = more.pop("patience", None) or query.get("patience", "0s")
    try:
        seconds = parse_duration(value)
    except ValueError as error:
        raise bad_body("/patience", "a duration such as 24h is wanted") from error
    if seconds > most:
        raise bad_body("/patience", f"batches are forgotten after {most:g} s")
    return seconds


def _note(more: dict[str, object]) -> str:
    note = more.pop("note", "")
    for name in more:
        raise bad_body(f"/{name}", "no such member beside lookups and note")
    if not isinstance(note, str) or len(note) > MAX_NOTE:
        raise bad_body("/note", f"a text of at most {MAX_NOTE} characters is wanted")
    return note


def _away() -> ProblemError:
    return ProblemError(503, "the database does not answer")


def _json(body: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    sent = _NO_STORE if headers is None else headers
    return web.Response(
        status=status, body=orjson.dumps(body), content_type="application/json", headers=sent
    )
