"""The database's migrations and how they are applied: by themselves, when it is opened.

They are also within reach of Alembic's own command line, through ``env.py``; the gateway needs
no ``alembic.ini`` in any folder and leaves logging as it is.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

HEAD = "0014"
"""The newest revision: a database that stands here needs nothing."""
_LOCK = 0x6C6F6F6B7570
"""Of PostgreSQL's advisory locks: the one that migrating takes."""


class ForeignVersionError(Exception):
    """Another version of the gateway has migrated the database, to a revision unknown here."""


def current(connection: Connection) -> str | None:
    """Return the revision at which the database stands; None before the first."""
    try:
        return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())
    except DatabaseError:
        # A new database has no such table. Any other fault shows itself at the next statement.
        connection.rollback()
        return None


def upgrade(connection: Connection) -> None:
    """Bring the database to `HEAD`, within the transaction that *connection* is in.

    Raise `ForeignVersionError`.
    """
    # Alembic takes a third of the time to start, and most databases stand at the head already.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    try:
        command.upgrade(config, "head")
    except CommandError as error:  # "Can't locate revision identified by …"
        what = f"another version of the gateway has migrated it ({error})"
        raise ForeignVersionError(what) from error


def upgrade_alone(connection: Connection) -> None:
    """Bring a PostgreSQL database to `HEAD`, while no other process does.

    Raises like `upgrade`.
    """
    if current(connection) == HEAD:
        return
    # Of two processes that open a new database at once, the second waits here.
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    upgrade(connection)
    connection.commit()
