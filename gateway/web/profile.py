"""``POST /v1/debug/profile``: what the event loop does, by the clock on the wall."""

from __future__ import annotations

import math

from aiohttp import web
from aiohttp.web_request import Request

from gateway.web.keys import GATEWAY
from gateway.web.problems import bad_parameter

SECONDS, LONGEST = 5.0, 60.0


async def profile(request: Request) -> web.Response:
    """Return collapsed stacks of ``seconds`` (5), a line a stack with how often it was seen.

    Raise `ProblemError` 400 for a parameter that is wrong.
    """
    for name in request.query:
        if name != "seconds":
            raise bad_parameter(name, "there is no such parameter")
    try:
        seconds = float(request.query.get("seconds", SECONDS))
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= LONGEST:
        raise bad_parameter("seconds", f"a number up to {LONGEST:g} is wanted")
    stacks = await request.app[GATEWAY].observing.sampler.sample(seconds)
    return web.Response(text=stacks, headers={"Cache-Control": "no-store"})
