"""Makes what finds near-duplicates, where a model for it is configured."""

from __future__ import annotations

from contextlib import AsyncExitStack

from adapters.llm.embeddings import Embeddings
from adapters.llm.spec import EmbeddingsSpec, ModelSpec
from gateway.duplicates.near import Duplicates, NearDuplicates, NoDuplicates
from gateway.events import Events
from storage.summary_inputs import SummaryInputs


def open_duplicates(
    stack: AsyncExitStack,
    spec: EmbeddingsSpec | None,
    model: ModelSpec,
    inputs: SummaryInputs,
    events: Events,
) -> Duplicates:
    """Return what finds near-duplicates; *model* has the server and key that *spec* leaves out."""
    if spec is None:
        return NoDuplicates()
    asked = ModelSpec(model=spec.model, base_url=spec.base_url, api_key=spec.api_key).within(model)
    embeddings = Embeddings(
        asked.base_url,
        asked.api_key,
        spec.model,
        spec.timeout,
        headers=spec.headers,
        query=spec.query,
    )
    stack.push_async_callback(embeddings.close)
    return NearDuplicates(inputs, embeddings, spec.threshold, events)
