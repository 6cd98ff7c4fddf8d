"""How Redis is reached: one server, a Cluster, or whom Sentinels name.

redis-py waits 5 s and tries ten times by default: a frozen server would hold a lookup for half
a minute. The clients made here try once and wait as long as their maker says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import hiredis
from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis._parsers.socket import SERVER_CLOSED_CONNECTION_ERROR
from redis.asyncio import ConnectionPool, Redis, RedisCluster, Sentinel
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    ConnectionError,  # noqa: A004 - redis-py's own
    RedisClusterException,
    RedisError,
    ResponseError,
)

from storage.observation import PoolState
from storage.redis_address import RedisAddress

Client = Redis | RedisCluster

FAULTS = (RedisError, RedisClusterException, OSError, TimeoutError)
"""What the clients raise; Python's own TimeoutError when a caller's time is over."""

BYTES_PER_READ = 1 << 16
CONNECTIONS = 16
"""To one server, at most: commands are coalesced, so that hardly more than two are in use."""


def make_client(
    address: RedisAddress,
    *,
    timeout: float,
    ca: str = "",
    sentinel_password: str = "",
    connections: int = CONNECTIONS,
) -> Client:
    """Return a client, not connected yet, that waits *timeout* seconds and tries once.

    *ca* is the file of a certificate authority for TLS; empty: those of the system.
    """
    options: dict[str, Any] = {
        "username": address.username,
        "password": address.password,
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
        # Nothing needs RESP3, and its greeting would be one more round trip to connect.
        "protocol": 2,
        "driver_info": None,
        "max_connections": connections,
    }
    if address.tls:
        options |= {"ssl": True} | ({"ssl_ca_certs": ca} if ca else {})
    if address.kind == "cluster":
        nodes = [ClusterNode(host, port) for host, port in address.hosts]
        return RedisCluster(startup_nodes=nodes, **options)
    options["db"] = address.database
    if address.kind == "single":
        (host, port), *_ = address.hosts
        return _quick(Redis(host=host, port=port, **options))
    return _of_sentinels(address, options, sentinel_password)


def _of_sentinels(address: RedisAddress, options: dict[str, Any], password: str) -> Redis:
    # redis-py would ask the Sentinels of a server that speaks TLS without it, password and all.
    own = ("username", "password", "db", "max_connections")
    greeting = {name: value for name, value in options.items() if name not in own}
    greeting["password"] = password or None
    make: Any = Sentinel  # its constructor has no types
    sentinel = make(list(address.hosts), sentinel_kwargs=greeting, **options)
    return _quick(sentinel.master_for(address.service, redis_class=_OfSentinel))


def _quick(client: Redis) -> Redis:
    """Return *client*, whose commands are packed by hiredis from now on.

    redis-py has its asyncio connections do that in Python: 3 us for each word, 50 in an MGET.
    """
    pool: ConnectionPool = client.connection_pool
    pool.connection_class = type("Connection", (_Packing, pool.connection_class), {})
    return client


def pool_of(client: Client) -> PoolState:
    """Return how the connections of *client* are used, those to all servers of a Cluster together.

    redis-py counts them and has no public name for it.
    """
    known: Any = client
    if isinstance(client, RedisCluster):
        nodes = known.get_nodes()
        made = sum(len(node._connections) for node in nodes)
        free = sum(len(node._free) for node in nodes)
        return PoolState(CONNECTIONS * len(nodes), made - free, free)
    pool = known.connection_pool
    in_use, idle = len(pool._in_use_connections), len(pool._available_connections)
    return PoolState(pool.max_connections, in_use, idle)


async def read_many(client: Redis, keys: Sequence[str]) -> Sequence[bytes | None]:
    """Return the values of *keys*; raise one of `FAULTS`. Its caller bounds the time it may take.

    It is an MGET without what redis-py does about one: a task and two timeouts to bound what is
    bounded already, and fifty calls to connect what is connected, to watch its health, and for
    those who measure it by other means than we do.
    """
    pool: Any = client.connection_pool
    connection = pool.get_available_connection()
    try:
        if not _clean(connection):
            await pool.ensure_connection(connection)
            connection.socket_timeout = None  # whoever asks here bounds it as a whole
        (command,) = connection.pack_command("MGET", *keys)
        connection._writer.transport.write(command)
        found = await _reply(connection._reader, connection._parser._reader)
    except ResponseError:
        raise
    except BaseException:
        await connection.disconnect(nowait=True)  # what it says next is no answer to the next
        raise
    finally:
        pool._in_use_connections.remove(connection)
        pool._available_connections.append(connection)
    return found


def _clean(connection: Any) -> bool:
    """Say whether a command can be sent on *connection*, of which nothing is left to be read."""
    if not connection.is_connected:
        return False
    stream, parser = connection._reader, connection._parser._reader
    return not (stream._buffer or stream.at_eof() or parser.has_data())


async def _reply(stream: asyncio.StreamReader, parser: hiredis.Reader) -> Sequence[bytes | None]:
    while (found := parser.gets()) is NOT_ENOUGH_DATA:
        data = await stream.read(BYTES_PER_READ)
        if not data:
            raise ConnectionError(SERVER_CLOSED_CONNECTION_ERROR)
        parser.feed(data)
    if isinstance(found, Exception):
        raise found
    values: Sequence[bytes | None] = found
    return values


async def locate(client: Client) -> None:
    """Have a Cluster say anew who serves what; to be called while nothing else uses *client*."""
    if isinstance(client, RedisCluster):
        await client.aclose()
        await client.initialize()


class _Packing:
    """A connection's packing of commands, in C."""

    def pack_command(self, *words: Any) -> list[bytes]:
        """Return *words*, the first of which is a command's name, as the protocol has them."""
        name, *rest = words
        # What redis-py sends by itself has names of two words: CLIENT SETNAME.
        return [hiredis.pack_command((*name.split(), *rest))]

    def pack_commands(self, commands: Iterable[Sequence[Any]]) -> list[bytes]:
        """Return *commands* one behind the other."""
        return [b"".join(packed for words in commands for packed in self.pack_command(*words))]


class _OfSentinel(Redis):
    """A client that closes its connections to the Sentinels along with its own."""

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        await super().aclose(close_connection_pool)
        await self.connection_pool.sentinel_manager.aclose()  # type: ignore[attr-defined]
