"""How models are configured: where each is, and who stands in for it."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from adapters.sources.units import Duration, Spec, seconds

_URL = re.compile(r"https?://[^/\s]")


class ModelSpec(Spec, frozen=True, kw_only=True):
    """One model behind one OpenAI-compatible API."""

    model: str
    """Its name, as the server calls it."""
    base_url: str = ""
    """Of the API; empty: that of ``llm``, with its key."""
    api_key: str = ""
    """Empty with a *base_url*: a server that wants none."""
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    """Sent with each call, such as Azure's ``api-key``."""
    query: dict[str, str] = msgspec.field(default_factory=dict)
    """Sent with each call, such as Azure's ``api-version``."""
    timeout: Duration | None = None
    """For one summary; without one that of ``llm``."""

    def __post_init__(self) -> None:
        check_base_url(self.base_url)

    def within(self, other: ModelSpec) -> ModelSpec:
        """Return this with what it leaves out taken from *other*.

        A key goes to no other server than the one that it was given for.
        """
        key = self.api_key or ("" if self.base_url else other.api_key)
        return msgspec.structs.replace(
            self,
            base_url=self.base_url or other.base_url,
            api_key=key,
            timeout=other.timeout if self.timeout is None else self.timeout,
        )


class EmbeddingsSpec(Spec, frozen=True, kw_only=True):
    """A model that says how alike two inputs are, so that near duplicates share a summary."""

    model: str
    """Its name, as the server calls it."""
    base_url: str = ""
    """Of the API; empty: that of ``llm``, with its key."""
    api_key: str = ""
    """Empty with a *base_url*: a server that wants none."""
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    """Sent with each call."""
    query: dict[str, str] = msgspec.field(default_factory=dict)
    """Sent with each call."""
    timeout: Duration = seconds(10)
    """For one call."""
    threshold: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.95
    """Cosine from which inputs with equal numbers, units, names and negations share a summary."""

    def __post_init__(self) -> None:
        check_base_url(self.base_url)


def check_base_url(url: str) -> None:
    """Raise ValueError unless *url* is empty, or one that can be asked."""
    if url and not _URL.match(url):
        raise ValueError(
            f"base_url: {url} is no http or https URL, as http://127.0.0.1:11434/v1 is"
        )
