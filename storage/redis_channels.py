"""What replicas tell each other: Redis publish/subscribe, on a connection of its own.

Messages may be lost, whenever Redis or the connection is; whoever listens is told of each gap.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from storage.redis_clients import FAULTS, Client, locate
from storage.redis_link import RedisLink
from storage.tier import TierError

HEARTBEAT = 2.0
"""Seconds of silence after which the server is asked whether it is still there, and for an answer
to that."""
FIRST_REST, LONGEST_REST = 0.05, 2.0
"""Seconds between two attempts to subscribe."""
LEAVING = 0.1
"""Seconds after which who has been told to end is told again."""

Handler = Callable[[bytes], None]


class RedisChannels:
    """Publishes over *link*, listens with *client*, which is patient and its own to close."""

    def __init__(
        self, client: Client, link: RedisLink, prefix: str, heartbeat: float = HEARTBEAT
    ) -> None:
        self._client = client
        self._link = link
        self._prefix = prefix
        self._heartbeat = heartbeat
        self._handlers: dict[bytes, Handler] = {}
        self._gaps: list[Callable[[], None]] = []
        self._out: set[asyncio.Task[None]] = set()
        self.listening = asyncio.Event()
        """Set while messages arrive."""

    def subscribe(self, channel: str, handler: Handler) -> None:
        """Have *handler* told of every message, in order; to be called before `running`."""
        self._handlers[(self._prefix + channel).encode()] = handler

    def on_gap(self, listener: Callable[[], None]) -> None:
        """Have *listener* told when messages may be missed, and when they arrive again."""
        self._gaps.append(listener)

    def publish(self, channel: str, message: bytes) -> None:
        """Send *message* behind the caller; nobody is told if it is lost."""
        task = asyncio.get_running_loop().create_task(self._publish(channel, message))
        self._out.add(task)
        task.add_done_callback(self._out.discard)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen within the context."""
        task = asyncio.create_task(self._listen(), name="redis channels")
        try:
            yield
        finally:
            # A cancellation that comes as redis-py's write ends is lost (Python 3.11's `wait_for`).
            while not task.done():
                task.cancel()
                await asyncio.wait([task], timeout=LEAVING)
            if self._out:
                await asyncio.wait(self._out)
            with suppress(*FAULTS):
                await self._client.aclose()

    async def _publish(self, channel: str, message: bytes) -> None:
        with suppress(TierError):
            await self._link.send("PUBLISH", self._prefix + channel, message)

    async def _listen(self) -> None:
        rest = FIRST_REST
        while True:
            with suppress(*FAULTS):
                await locate(self._client)
                async with self._client.pubsub() as subscription:
                    await subscription.subscribe(*self._handlers)
                    rest = FIRST_REST
                    await self._read(subscription)
            if self.listening.is_set():
                self.listening.clear()
                self._tell_gap()
            await asyncio.sleep(rest)
            rest = min(rest * 2, LONGEST_REST)

    async def _read(self, subscription: Any) -> None:
        """Pass on messages until the connection breaks or the server is silent when asked."""
        asked = False
        while True:
            message = await subscription.get_message(timeout=self._heartbeat)
            if message is None:
                if asked:
                    raise TimeoutError
                asked = True
                await subscription.ping()
                continue
            asked = False
            if message["type"] == "message":
                self._handlers[message["channel"]](message["data"])
            elif message["type"] == "subscribe" and not self.listening.is_set():
                self.listening.set()
                self._tell_gap()

    def _tell_gap(self) -> None:
        for listener in self._gaps:
            listener()


class RedisDoorbell:
    """A doorbell over *channels*; a gap rings too, since a ring may have been lost in it."""

    def __init__(self, channels: RedisChannels) -> None:
        self._channels = channels
        self._rung = asyncio.Event()
        channels.subscribe("doorbell", lambda _message: self._rung.set())
        channels.on_gap(self._rung.set)

    async def ring(self, position: int) -> None:
        """Tell everyone that the log has come to *position*; a failure is nobody's."""
        self._channels.publish("doorbell", b"%d" % position)

    async def wait(self, within: float) -> None:
        """Return when it rings, or has rung since the last `wait`; or after *within* seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._rung.wait()
        self._rung.clear()

    async def close(self) -> None:
        """It holds nothing: the channels are closed by who opened them."""
