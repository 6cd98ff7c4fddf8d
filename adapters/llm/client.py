"""The SDK's client of one server, made in one way for chats, embeddings and batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def open_client(
    base_url: str,
    api_key: str,
    timeout: float,
    *,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> tuple[Any, Any]:
    """Return the SDK and a client of it, for who made it to close; *timeout* is in seconds.

    This imports the SDK (about a second, 50 MB): do so at start, and only where it is configured.
    The SDK's own retries are off, since the gateway owns them: what is sent twice is paid twice.
    """
    import openai  # noqa: PLC0415 - costs a second and 50 MB: only who chooses it pays

    client = openai.AsyncOpenAI(
        base_url=base_url or None,
        api_key=api_key or "none",  # local servers need none, the SDK insists
        timeout=timeout,
        max_retries=0,
        default_headers=headers,
        default_query=query,
    )
    return openai, client
