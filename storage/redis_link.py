"""The link to Redis that the road of a lookup uses: quick, or not at all.

Commands that come together share one round trip. The first failure, of any kind, takes Redis
out of the road; what comes then is refused at once, and so is what waited behind the failure.
One trial at a time, beside the road, brings it back: no lookup ever pays for a trial.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from contextvars import ContextVar
from hashlib import sha1
from time import perf_counter
from typing import Any, TypeVar

from redis.asyncio import Redis, RedisCluster
from redis.exceptions import (
    ClusterDownError,
    NoScriptError,
    ReadOnlyError,
    ResponseError,
)

from storage.batching import Batcher
from storage.observation import NoObserver, Observer, PoolState
from storage.redis_clients import FAULTS, Client, locate, pool_of, read_many
from storage.tier import TierAwayError, TierError

FIRST_REST, LONGEST_REST = 0.05, 5.0
"""Seconds between two trials: the first, and those when Redis has been away for a while."""
STEADY = 30.0
"""Seconds after which a link that holds is trusted as before its last loss."""
PATIENCE = 1.0
"""Seconds that a trial has to connect; then it must answer as quickly as a lookup needs it."""
KEYS_PER_READ = 128
READS_OUT, KEYS_ENOUGH = 2, 24
"""What one batch brings is decoded while Redis answers another, of at least so many keys."""
COMMANDS_PER_TRIP = 128

Result = TypeVar("Result")
OnChange = Callable[[bool, str], None]
"""Is told whether Redis is there, and why it is not: once for each loss and each return."""
OnReturn = Callable[[], Awaitable[None]]
"""Brings what Redis has missed up to date; raises `TierError` when it could not."""

_replaying: ContextVar[bool] = ContextVar("replaying", default=False)
"""Whether this task is a trial: commands of its hooks are sent already."""


class RedisLink:
    """One client, and whether Redis is to be asked at all.

    *timeout* bounds each round trip in seconds, connecting included.
    """

    def __init__(self, client: Client, timeout: float, on_change: OnChange) -> None:
        self._client = client
        self._timeout = timeout
        self._on_change = on_change
        self._returns: list[OnReturn] = []
        self._losses: list[Callable[[], None]] = []
        self._reads: Batcher[str, bytes | None] = Batcher(
            lambda keys: self._trip(self._read(keys)),
            KEYS_PER_READ,
            fail_all=True,
            most=READS_OUT,
            enough=KEYS_ENOUGH,
        )
        self._commands: Batcher[Sequence[Any], Any] = Batcher(
            lambda commands: self._trip(self._pipeline(commands)), COMMANDS_PER_TRIP, fail_all=True
        )
        self._trial: asyncio.Task[None] | None = None
        self._reason = ""
        self._rest = FIRST_REST
        self._back_at = 0.0
        self.observer: Observer = NoObserver()

    @property
    def up(self) -> bool:
        """Whether commands are sent."""
        return self._trial is None

    @property
    def pool(self) -> PoolState:
        """How the connections are used now."""
        return pool_of(self._client)

    @property
    def scattered(self) -> bool:
        """Whether each key has a server of its own, so that a command takes one key."""
        return isinstance(self._client, RedisCluster)

    def on_return(self, hook: OnReturn) -> None:
        """Have *hook* awaited before Redis is used again after a loss; its error is a loss."""
        self._returns.append(hook)

    def on_loss(self, hook: Callable[[], None]) -> None:
        """Have *hook* called at once when Redis is refused, be it for a moment."""
        self._losses.append(hook)

    def get(self, key: str) -> asyncio.Future[bytes | None]:
        """Return the future value of *key*; raise `TierError`, at once while Redis is away."""
        self._check()
        return self._reads.submit(key)

    async def send(self, *command: Any) -> Any:
        """Return the reply to one command with its key, if any, in first place; or `TierError`."""
        self._check()
        reply = await self._commands.submit(command)
        if isinstance(reply, Exception):
            raise TierError(f"redis refuses {command[0]}: {reply}") from reply
        return reply

    async def run(self, script: Script, key: str, *arguments: Any) -> Any:
        """Return what *script* makes of *key*; raise `TierError`."""
        self._check()
        reply = await self._commands.submit(("EVALSHA", script.digest, 1, key, *arguments))
        if isinstance(reply, NoScriptError):  # a server that was restarted has forgotten it
            return await self.send("EVAL", script.text, 1, key, *arguments)
        if isinstance(reply, Exception):
            raise TierError(f"redis refuses a script: {reply}") from reply
        return reply

    async def ping(self) -> None:
        """Return if Redis answers in time; raise `TierError`."""
        self._check()
        await self._trip(self._greet())

    async def close(self) -> None:
        """Finish what was asked for and close all connections."""
        await self._reads.settled()
        await self._commands.settled()
        if self._trial is not None:
            self._trial.cancel()
            await asyncio.wait([self._trial])
        with suppress(*FAULTS):
            await self._client.aclose()

    def _check(self) -> None:
        if self._trial is not None and not _replaying.get():
            raise TierAwayError(f"redis is away: {self._reason}")

    def _trip(self, talk: Awaitable[Result]) -> asyncio.Task[Result]:
        return asyncio.get_running_loop().create_task(self._within(talk))

    async def _within(self, talk: Awaitable[Result]) -> Result:
        started = perf_counter()
        try:
            async with asyncio.timeout(self._timeout):
                return await talk
        except FAULTS as error:
            self._lose(_reason(error, self._timeout))
            raise TierAwayError(f"redis: {self._reason}") from error
        finally:
            self.observer.tripped(perf_counter() - started)

    async def _read(self, keys: list[str]) -> Sequence[bytes | None]:
        if isinstance(self._client, Redis):
            return await read_many(self._client, keys)
        # MGET would need one trip for each slot: a pipeline needs one for each server.
        replies = await self._pipeline([("GET", key) for key in keys])
        return [reply if isinstance(reply, bytes) else None for reply in replies]

    async def _one(self, *command: Any) -> Any:
        execute: Any = self._client.execute_command  # redis-py gives it no types
        return await execute(*command)

    async def _pipeline(self, commands: Sequence[Sequence[Any]]) -> Sequence[Any]:
        if len(commands) == 1:
            try:
                return [await self._one(*commands[0])]
            except ResponseError as error:
                return _refusals([error])
        pipeline: Any = self._client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        return _refusals(await pipeline.execute(raise_on_error=False))

    async def _greet(self) -> None:
        """Return when every server that keeps something has answered."""
        if isinstance(self._client, RedisCluster):
            await self._client.ping(target_nodes=RedisCluster.PRIMARIES)
        else:
            await self._client.ping()

    def _lose(self, reason: str) -> None:
        if self._trial is not None:
            return
        self._reason = reason
        loop = asyncio.get_running_loop()
        if loop.time() - self._back_at > STEADY:
            self._rest = FIRST_REST
        self._trial = loop.create_task(self._come_back(), name="redis trial")
        for hook in self._losses:
            hook()

    async def _come_back(self) -> None:
        """Try until Redis answers; a loss is told when the first trial has failed as well."""
        told = False
        _replaying.set(True)
        while not await self._answers():
            if not told:
                told = True
                self._on_change(False, self._reason)
            await asyncio.sleep(self._rest)
            self._rest = min(self._rest * 2, LONGEST_REST)
        self._trial = None
        self._back_at = asyncio.get_running_loop().time()
        if told:
            self._on_change(True, "")

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(PATIENCE):
                await locate(self._client)
                await self._greet()
            async with asyncio.timeout(self._timeout):
                await self._greet()
            for hook in self._returns:
                await hook()
        except (*FAULTS, TierError) as error:
            self._reason = _reason(error, self._timeout)
            return False
        return True


class Script:
    """A Lua script of one key, which Redis remembers by its digest."""

    def __init__(self, text: str) -> None:
        self.text = text
        # Redis names scripts so (EVALSHA); nothing is kept safe by it.
        self.digest = sha1(text.encode(), usedforsecurity=False).hexdigest()


def _refusals(replies: Sequence[Any]) -> Sequence[Any]:
    """Return *replies*; raise the first that tells of a server that cannot work at all."""
    for reply in replies:
        gone = isinstance(reply, FAULTS) and not isinstance(reply, ResponseError)
        if gone or isinstance(reply, ClusterDownError | ReadOnlyError):
            raise reply
    return replies


def _reason(error: BaseException, timeout: float) -> str:
    late = f"no answer within {timeout * 1000:g} ms"
    return str(error) or (late if isinstance(error, TimeoutError) else type(error).__name__)
