"""How a webhook shows that it comes from here and now: pure.

As Standard Webhooks have it (standardwebhooks.com): HMAC-SHA256 over id, time and body. The time is
signed, so that a call which somebody has recorded is of no use later.
"""

from __future__ import annotations

import base64
import hashlib
import hmac


def signed(secret: str, name: str, at: float, body: bytes) -> dict[str, str]:
    """Return the headers of the call *name* that is made *at* (Unix seconds) with *body*."""
    moment = str(int(at))
    content = b".".join((name.encode(), moment.encode(), body))
    digest = hmac.new(secret.encode(), content, hashlib.sha256).digest()
    return {
        "Webhook-Id": name,
        "Webhook-Timestamp": moment,
        "Webhook-Signature": f"v1,{base64.b64encode(digest).decode()}",
    }
