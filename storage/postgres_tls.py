"""TLS to a PostgreSQL server, as its URL asks for it in libpq's words."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from sqlalchemy import URL

from storage.tier import TierError

SYSTEM = "system"
"""In place of a file: the authorities that the system trusts (libpq's ``sslrootcert=system``)."""
_CHECKED = ("verify-full", "verify-ca")


@dataclass(frozen=True, slots=True)
class Secured:
    """A URL, and how its server is to be trusted."""

    url: URL
    """With what asyncpg understands, and no more."""
    trust: ssl.SSLContext | None
    """None: asyncpg does what the ``ssl`` of the URL says."""


def secured(url: URL) -> Secured:
    """Read ``sslmode`` (also written ``ssl``) and ``sslrootcert`` of *url*.

    asyncpg takes the first and knows nothing of the second. Raise `TierError` for a file that
    cannot be read, and for an authority that nobody is checked against.
    """
    query = dict(url.query)
    mode, root = query.pop("sslmode", None) or query.pop("ssl", None), query.pop("sslrootcert", "")
    query |= {"ssl": mode} if mode else {}
    if not root:
        return Secured(url.set(query=query), None)
    name = f"{url.host}:{url.port or 5432}/{url.database}"
    if mode not in _CHECKED:
        # libpq reads the file then and lets whoever answers in without a look at it.
        raise TierError(f"the database {name}: sslrootcert needs ssl={' or ssl='.join(_CHECKED)}")
    try:
        trust = ssl.create_default_context(cafile=None if root == SYSTEM else str(root))
    except OSError as error:  # ssl.SSLError, for a file that holds no certificate, is one
        raise TierError(f"the database {name}: cannot read sslrootcert {root}: {error}") from error
    trust.check_hostname = mode == "verify-full"
    return Secured(url.set(query={k: v for k, v in query.items() if k != "ssl"}), trust)
