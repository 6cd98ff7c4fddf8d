"""As whom a request is counted, and what an answer says of what is left of the quota."""

from __future__ import annotations

from gateway.rates import Meter, Quota
from gateway.rates.cell_rate import after, left, reset
from gateway.web.decimals import decimal


class Client:
    """Who is counted on *meter*, and how much they may ask.

    *policy* is what an answer says of it, up to the number of what is left.
    """

    __slots__ = ("_apart", "_meter", "_most", "_policy", "_seconds", "name", "quota")

    def __init__(self, name: str, quota: Quota, meter: Meter, policy: bytes) -> None:
        self.name = name
        self.quota = quota
        self._meter = meter
        self._policy = policy
        self._apart: float = quota.apart
        self._most: float = quota.most
        self._seconds = float(quota.seconds)

    def lines(self, now: float) -> bytes | None:
        """Count a request at *now* (monotonic seconds); return what its answer says of the limits.

        None: there is no room for it, and it costs nothing.
        """
        before: float = self._meter.due
        due = after(before, now, self._apart)
        used = due - now
        if used > self._most:
            return None
        self._meter.due = due
        remaining = decimal(left(used, self._seconds, self._apart))
        ready = decimal(reset(used, self._seconds))
        return b"%b%b;t=%b\r\n" % (self._policy, remaining, ready)
