"""``/v1/watches``: lookups that are repeated on a schedule, for their owner alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
from aiohttp import web
from aiohttp.web_request import Request

from gateway.events import Audited
from gateway.instants import instant
from gateway.wanted import written
from gateway.watches.schedule import ScheduleError
from gateway.watches.watches import TooManyWatchesError, WebhookRefusedError
from gateway.web.admission import asker
from gateway.web.bodies import read_object
from gateway.web.bulk_bodies import read_wanted_of
from gateway.web.keys import GATEWAY, IDENTITY
from gateway.web.parameters import Asker
from gateway.web.problems import ProblemError, bad_body
from storage.tier import TierError
from storage.watches import Watch

TEXTS: Mapping[str, int] = {
    "schedule": 100,
    "zone": 64,
    "note": 500,
    "category": 64,
    "webhook": 500,
}
"""The members that are texts, and their most characters."""
_NO_STORE = {"Cache-Control": "no-store"}


async def make(request: Request) -> web.Response:
    """Watch the lookup of the body; 201. Raise `ProblemError`: 400, 429 for too many, 503."""
    gateway, who, name = request.app[GATEWAY], asker(request), request[IDENTITY].name
    body = await read_object(request)
    for needed in ("lookup", "schedule"):
        if body.get(needed) is None:
            raise bad_body(f"/{needed}", "it is missing")
    blank = Watch("", who.tenant, name, "", "", "UTC", "", "", "", 0.0, 0.0)
    watch = _read(body, blank, who)
    watches = gateway.bulk.watches
    try:
        made = await watches.add(watch)
    except TooManyWatchesError as error:
        detail = f"there are {watches.spec.max_watches} watches already"
        raise ProblemError(429, detail, kind="too-many-watches") from error
    except (ScheduleError, WebhookRefusedError, TierError) as error:
        raise _refused(error) from error
    gateway.events.emit(Audited(who.tenant, name, "watch.created", made.id))
    headers = {**_NO_STORE, "Location": f"/v1/watches/{made.id}"}
    return _json(_shown(made), status=201, headers=headers)


async def list_(request: Request) -> web.Response:
    """Return the watches of the caller's tenant; raise `ProblemError` 503."""
    try:
        found = await request.app[GATEWAY].bulk.watches.store.of(asker(request).tenant)
    except TierError as error:
        raise _refused(error) from error
    return _json({"watches": [_shown(watch) for watch in found]})


async def show(request: Request) -> web.Response:
    """Return one watch; raise `ProblemError` 404 where the tenant has none such."""
    return _json(_shown(await _found(request)))


async def change(request: Request) -> web.Response:
    """Change the members that the body has (RFC 7396); raise `ProblemError` 400, 404 or 503."""
    gateway, who = request.app[GATEWAY], asker(request)
    body = await read_object(request)
    before = await _found(request)
    after = _read(body, before, who)
    try:
        kept = await gateway.bulk.watches.change(before, after)
    except (ScheduleError, WebhookRefusedError, TierError) as error:
        raise _refused(error) from error
    if not kept:
        raise _unknown()
    gateway.events.emit(Audited(who.tenant, request[IDENTITY].name, "watch.changed", before.id))
    return _json(_shown(await _found(request)))


async def remove(request: Request) -> web.Response:
    """Forget a watch and the calls that it still has to make; raise `ProblemError` 404 or 503."""
    gateway, who, name = request.app[GATEWAY], asker(request), request.match_info["id"]
    try:
        removed = await gateway.bulk.watches.store.remove(name, who.tenant)
    except TierError as error:
        raise _refused(error) from error
    if not removed:
        raise _unknown()
    gateway.events.emit(Audited(who.tenant, request[IDENTITY].name, "watch.deleted", name))
    return web.Response(status=204, headers=_NO_STORE)


async def _found(request: Request) -> Watch:
    store = request.app[GATEWAY].bulk.watches.store
    try:
        watch = await store.get(request.match_info["id"], asker(request).tenant)
    except TierError as error:
        raise _refused(error) from error
    if watch is None:
        raise _unknown()
    return watch


def _read(body: Mapping[str, Any], watch: Watch, who: Asker) -> Watch:
    """Return *watch* with what *body* says of it; null takes a text away."""
    changes: dict[str, Any] = {}
    for name, value in body.items():
        if name == "lookup":
            try:
                wanted, asked = read_wanted_of(value, "/lookup", who)
            except ProblemError as problem:
                problem.members.setdefault("pointer", "/lookup")
                raise
            if asked.route.store == "never":
                raise bad_body("/lookup", f"the answers of {asked.route.name} may not be kept")
            changes["asked"] = written(wanted)
        elif name in TEXTS:
            changes[name] = _text(name, value) or ("UTC" if name == "zone" else "")
        else:
            known = ", ".join(("lookup", *TEXTS))
            raise bad_body(f"/{name}", f"no such member beside {known}")
    return replace(watch, **changes)


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > TEXTS[name]:
        raise bad_body(f"/{name}", f"a text of at most {TEXTS[name]} characters is wanted")
    return value.strip()


def _shown(watch: Watch) -> dict[str, object]:
    def at(moment: float) -> str | None:
        return instant(moment) if moment else None

    return {
        "id": watch.id,
        "lookup": orjson.loads(watch.asked),
        "schedule": watch.schedule,
        "zone": watch.zone,
        "note": watch.note or None,
        "category": watch.category or None,
        "webhook": watch.webhook or None,
        "created": at(watch.created),
        "due": at(watch.due),
        "checked": at(watch.checked),
        "changed": at(watch.changed),
        "error": watch.error or None,
    }


def _refused(error: Exception) -> ProblemError:
    if isinstance(error, ScheduleError):
        return bad_body(f"/{error.member}", str(error))
    if isinstance(error, WebhookRefusedError):
        return bad_body("/webhook", str(error))
    return ProblemError(503, "the database does not answer")


def _unknown() -> ProblemError:
    return ProblemError(404, "there is no such watch", kind="unknown-watch")


def _json(body: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    sent = _NO_STORE if headers is None else headers
    return web.Response(
        status=status, body=orjson.dumps(body), content_type="application/json", headers=sent
    )
