"""What befalls the servers below replicas, and the replicas, for a while."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tests.coherence.replicas import Remote, Replica
from tests.coherence.standby import Standby
from tests.fault_proxy import FaultProxy, postgres_notice, redis_message

Act = Callable[[], Awaitable[object]]


async def _nothing() -> None:
    """What ends by itself, or with the mending of the proxies."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One of them."""

    name: str
    begin: Act
    end: Act = _nothing
    withdrawn_within: bool = False
    """It says nothing unless all is withdrawn, and asked for, while it lasts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Victims:
    """Whom it may befall."""

    to_redis: Sequence[FaultProxy]
    to_postgres: Sequence[FaultProxy]
    replicas: Sequence[Replica]
    empty_redis: Callable[[], None]
    standby: Standby | None = None
    to_standby: Sequence[FaultProxy] = ()

    async def mend(self) -> None:
        """Have every proxy pass everything."""
        for proxy in (*self.to_redis, *self.to_postgres, *self.to_standby):
            await proxy.mend()

    def draw(self, chance: random.Random, whose: str = "") -> Fault:
        """Return one that befalls somebody by *chance*, of those whose names begin with *whose*."""
        redis, postgres = chance.choice(self.to_redis), chance.choice(self.to_postgres)
        faults = [
            Fault("redis cut", redis.cut),
            Fault("redis paused", _now(redis.pause)),
            Fault("redis refused", redis.refuse),
            Fault("redis lost by all", self._refuse_redis),
            Fault("redis emptied", _now(self.empty_redis)),
            Fault("postgres cut", postgres.cut),
            Fault("postgres paused", _now(postgres.pause)),
            Fault("postgres refused", postgres.refuse),
            Fault("postgres slow", _now(lambda: postgres.slow(0.01))),
            Fault("messages lost", _now(self._deafen)),
            *self._of_standby(chance),
            *self._of_processes(chance),
        ]
        return chance.choice([each for each in faults if each.name.startswith(whose)])

    async def _refuse_redis(self) -> None:
        await asyncio.gather(*(proxy.refuse() for proxy in self.to_redis))

    def _deafen(self) -> None:
        """Have nobody hear of a withdrawal, nor of the end of another's fetch."""
        for proxy in self.to_redis:
            proxy.deafen(redis_message)
        for proxy in self.to_postgres:
            proxy.deafen(postgres_notice)

    def _of_standby(self, chance: random.Random) -> list[Fault]:
        if self.standby is None:
            return []
        proxy = chance.choice(self.to_standby)
        lags = Fault("standby lags", self.standby.lag, self.standby.catch_up, True)
        return [
            *(lags, lags, lags, lags),
            Fault("standby cut", proxy.cut),
            Fault("standby paused", _now(proxy.pause)),
            Fault("standby refused", proxy.refuse),
        ]

    def _of_processes(self, chance: random.Random) -> list[Fault]:
        remotes = [each for each in self.replicas if isinstance(each, Remote)]
        if not remotes or not all(each.there for each in remotes):
            return []  # one at a time: the others go on meanwhile
        process = chance.choice(remotes).process
        stopped = Fault("gateway stopped", _now(process.stop), _now(process.wake))
        return [Fault("gateway killed", _now(process.kill)), stopped, stopped]


def _now(act: Callable[[], object]) -> Act:
    async def acting() -> None:
        act()

    return acting
