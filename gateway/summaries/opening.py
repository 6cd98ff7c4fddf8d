"""Opens what finds near-duplicates, where a model for it is configured."""

from __future__ import annotations

from contextlib import AsyncExitStack

from adapters.llm.embeddings import Embeddings
from adapters.llm.spec import ModelSpec
from gateway.config import LlmSection
from gateway.events import Events
from gateway.spend.budgets import Budgets
from gateway.spend.embedding import PaidEmbedder
from gateway.summaries.near import Duplicates, NearDuplicates, NoDuplicates
from storage.summary_inputs import SummaryInputs


def open_duplicates(
    stack: AsyncExitStack, llm: LlmSection, inputs: SummaryInputs, budgets: Budgets, events: Events
) -> Duplicates:
    """Return what finds near-duplicates, by a model of *llm*; its calls count in *budgets*."""
    spec = llm.embeddings
    if spec is None:
        return NoDuplicates()
    asked = ModelSpec(model=spec.model, base_url=spec.base_url, api_key=spec.api_key)
    asked = asked.within(llm.own)
    embeddings = Embeddings(
        asked.base_url,
        asked.api_key,
        spec.model,
        spec.timeout,
        headers=spec.headers,
        query=spec.query,
    )
    stack.push_async_callback(embeddings.close)
    paid = PaidEmbedder(embeddings, llm.prices.get(spec.model), budgets, events)
    return NearDuplicates(inputs, paid, spec.threshold, events)
