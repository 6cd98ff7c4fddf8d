"""Chains of models from their configuration."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adapters.breaker import Breaker
from adapters.llm.batched import BatchedChat, BatchRun
from adapters.llm.batches import Batches
from adapters.llm.chain import ModelChain
from adapters.llm.limits import Limits
from adapters.llm.model import Model
from adapters.llm.openai import OpenAIChat
from adapters.llm.spec import ModelSpec

_TIMEOUT = 20.0


def open_chain(
    specs: Sequence[ModelSpec], hedge_after: float, breaker: Callable[[str], Breaker]
) -> ModelChain:
    """Return the models of *specs*, each with a *breaker* and limits of its own.

    Loads the SDK, which takes a second: make one at start, not in a lookup.
    """
    return ModelChain([_model(spec, breaker(spec.model)) for spec in specs], hedge_after)


def open_batched(spec: ModelSpec, run: BatchRun, told: Callable[[str, int], None]) -> BatchedChat:
    """Return the model of *spec*, asked by batches; *told* is as for `BatchedChat`."""
    batches = Batches(spec, poll=run.poll)
    return BatchedChat(batches, resume=run.resume, quiet=run.quiet, told=told)


def _model(spec: ModelSpec, breaker: Breaker) -> Model:
    limits = Limits()
    chat = OpenAIChat(
        spec.base_url,
        spec.api_key,
        spec.model,
        spec.timeout or _TIMEOUT,
        headers=spec.headers,
        query=spec.query,
        limits=limits,
    )
    return Model(chat, breaker, limits)
