"""Requests of batches and watches; in a path that is to be found, {id} is that of a new one."""

from __future__ import annotations

from typing import Any

LOOKUP = {"source": "plain", "q": "aspirin"}
BATCH = {"lookups": [LOOKUP]}
WATCH = {"lookup": LOOKUP, "schedule": "15m"}
NEW = {"/v1/batches/{id}": BATCH, "/v1/watches/{id}": WATCH}
"""What is made before a path is asked that begins so."""
_NO_WAIT = {"params": {"wait": "false"}}

Bulk = tuple[str, str, int, dict[str, Any]]

ASKED: list[Bulk] = [
    ("POST", "/v1/batches", 202, {"json": BATCH}),
    ("POST", "/v1/batches", 404, {"json": [{"source": "nobody", "q": "aspirin"}]}),
    ("POST", "/v1/watches", 201, {"json": WATCH}),
    ("POST", "/v1/watches", 404, {"json": {**WATCH, "lookup": {"source": "nobody", "q": "a"}}}),
    ("GET", "/v1/watches", 200, {}),
    *(
        ("GET", path, status, options)
        for path, options in (
            ("/v1/batches/{id}", {}),
            ("/v1/batches/{id}/results", _NO_WAIT),
            ("/v1/watches/{id}", {}),
        )
        for status in (200, 404)
    ),
    *(("DELETE", path, status, {}) for path in NEW for status in (204, 404)),
    *(("PATCH", "/v1/watches/{id}", status, {"json": {"note": "b"}}) for status in (200, 404)),
]
STORE_FAILS: list[Bulk] = [
    (method, path, 503, options)
    for method, path, status, options in ASKED
    if status in (200, 201, 202, 204)
]
BROKEN = {
    "/v1/batches": ("bulk.batches.store", "open_count get"),
    "/v1/watches": ("bulk.watches.store", "count of get remove"),
}
