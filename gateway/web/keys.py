"""Typed keys: what the application and each request carry."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from gateway.access.identity import Identity
from gateway.assembly import Gateway
from gateway.web.encoding import EncodedBodies

GATEWAY: Final = web.AppKey("gateway", Gateway)
"""The opened gateway that an application answers from."""

BODIES: Final = web.AppKey("bodies", EncodedBodies)
"""Answers as they were sent, for the next who asks for the same in the same coding."""

IDENTITY: Final = web.RequestKey("identity", Identity)
"""Of a request: who asks, as authentication has found; not there where it has found nobody."""

REQUEST_ID: Final = web.RequestKey("request_id", str)
"""Of a request: the client's own id when it is sane, else a new one."""

STARTED: Final = web.RequestKey("started", float)
"""Of a request: when its head had come, by `time.perf_counter`."""

QUIET: Final = web.RequestKey("quiet", bool)
"""Of a request: there where its access line is not drawn, and told at debug alone."""
