"""How many connections a process may have: the system's soft limit is often 1,024."""

from __future__ import annotations

import resource


def allow_many_connections() -> int:
    """Raise the limit of open files to what this user may have; return the new limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
