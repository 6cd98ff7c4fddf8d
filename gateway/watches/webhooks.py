"""Calls of webhooks: signed, to allowed hosts only, and made again until they are acknowledged."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace

import aiohttp
import structlog
from yarl import URL

from adapters.retries import backoff
from adapters.webhooks import WebhookError, call
from gateway.watches.signature import signed
from gateway.watches.spec import WatchesSpec
from storage.watches import Delivery, WatchStore

TRIES = 10
FIRST_WAIT, LONGEST_WAIT = 5.0, 3600.0
"""Seconds; ten tries are over after about three hours."""
SECONDS = 10.0
"""For one call."""
TERM = 60.0
"""Seconds after which a call is another process's, if the one that makes it has died."""
AT_ONCE = 20
MAX_URL = 500
_log = structlog.get_logger(__name__)


def refusal(url: str, spec: WatchesSpec) -> str:
    """Return why *url* may not be called; empty: it may."""
    try:
        parsed = URL(url)
    except ValueError:
        return "not a URL"
    if len(url) > MAX_URL or parsed.user is not None or parsed.password is not None:
        return f"at most {MAX_URL} characters and no password are wanted"
    if parsed.scheme != "https" and not (spec.allow_private and parsed.scheme == "http"):
        return "an https URL is wanted"
    if (parsed.host or "") not in spec.webhook_hosts:
        return "its host is none that this gateway may call (watches.webhook_hosts)"
    return ""


class Webhooks:
    """Makes the calls that are due; *session* dials allowed addresses only."""

    def __init__(
        self,
        store: WatchStore,
        spec: WatchesSpec,
        session: aiohttp.ClientSession,
        clock: Callable[[], float] = time.time,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._spec = spec
        self._session = session
        self._clock = clock
        self._draw = draw

    async def make_due(self) -> int:
        """Make each call that is due, once; return how many those were. Raise `TierError`."""
        now = self._clock()
        due = await self._store.claim_calls(now, now + TERM, AT_ONCE)
        for each in due:
            await self._make(each)
        return len(due)

    async def _make(self, due: Delivery) -> None:
        why, final = refusal(due.url, self._spec), True
        if not why:
            body = due.body.encode()
            headers = signed(self._spec.secret, due.id, self._clock(), body)
            try:
                await call(self._session, due.url, headers, body, seconds=SECONDS)
            except WebhookError as error:
                why, final = str(error), error.final
        if not why:
            await self._store.called(due)
            return
        if final or due.tries + 1 >= TRIES:
            _log.warning("webhook.given_up", watch=due.watch, tries=due.tries + 1, reason=why)
            await self._store.called(due)
            return
        wait = backoff(due.tries, FIRST_WAIT, LONGEST_WAIT, (1 + self._draw()) / 2)
        later = replace(due, tries=due.tries + 1, due=self._clock() + wait)
        await self._store.call_later(later)
