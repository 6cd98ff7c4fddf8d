"""A gateway that is served and asked byte by byte, and what it told."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any, Self

from aiohttp import web

from gateway.assembly import Gateway, open_gateway
from gateway.config import Config
from gateway.events import Event, Events
from gateway.web.app import make_app
from gateway.web.server import listening
from tests.clocks import ManualClock


class World:
    """A gateway that is served, and what it told."""

    def __init__(self, gateway: Gateway, app: web.Application, port: int) -> None:
        self.gateway, self.app, self.port = gateway, app, port
        self.events: list[Event] = []
        gateway.events.subscribe(self.events.append)

    @classmethod
    async def opened(
        cls,
        stack: AsyncExitStack,
        config: Config,
        clock: ManualClock,
        events: Events | None = None,
    ) -> Self:
        """Return one that is served until *stack* is closed."""
        gateway = await stack.enter_async_context(open_gateway(config, events=events, clock=clock))
        app = make_app(gateway)
        _, port = await stack.enter_async_context(listening(app, "127.0.0.1", 0))
        return cls(gateway, app, port)

    def told(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]
