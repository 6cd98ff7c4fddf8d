"""A streaming standby of PostgreSQL, which gateways read from."""

from __future__ import annotations

from tests.servers.postgres import Server
from tests.waiting import eventually


class Standby:
    """What *server*, a replica of another, has or lacks."""

    def __init__(self, server: Server) -> None:
        self.server = server

    @property
    def port(self) -> int:
        return self.server.port

    async def lag(self) -> None:
        """Have it replay nothing of what the primary does from now on."""
        await self.server.run("SELECT pg_wal_replay_pause()")

    async def catch_up(self) -> None:
        """Have it replay what it has been sent meanwhile."""
        await self.server.run("SELECT pg_wal_replay_resume()")

    async def received(self, database: str) -> None:
        """Return when it has *database*."""

        async def there() -> bool:
            found = await self.server.run(f"SELECT FROM pg_database WHERE datname = '{database}'")
            return bool(found)

        await eventually(there)
