"""What every test needs."""

from __future__ import annotations

from gateway.web.descriptors import allow_many_connections

# A thousand callers in one process are two thousand sockets; 1,024 is the usual soft limit.
allow_many_connections()
