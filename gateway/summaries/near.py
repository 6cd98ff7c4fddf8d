"""Records that say nearly the same as others share their summary; off unless it is configured.

Likeness never decides: a changed dose is as like as can be (cosine 0.97 and more, by measure).
Two inputs share a summary when all their numbers with units, their names and what they deny are
equal, and only then, if they are alike as well.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from operator import mul
from typing import Any, Protocol

from adapters.errors import SummaryError
from adapters.source import Record
from gateway.events import Events, TierFailed
from gateway.grounding.names import names
from gateway.grounding.quantities import folded
from gateway.grounding.reading import POPULATION, read
from gateway.grounding.words import stems
from gateway.lookup import canonical
from gateway.spend.embedding import PaidEmbedder
from gateway.summaries.digest import summary_digest
from gateway.summaries.drafting import Task
from storage.summary_inputs import SummaryInputs, Vector
from storage.tier import TierError

_SENTENCE = re.compile(r"(?<=[.!?。])\s+|\n+")
_PAID_KEPT = 200
"""Vectors of inputs whose summary is being written, or was refused."""
_UNSAID = frozenset({"id", "summary"})
"""Fields that tell records apart and say nothing of them."""


class Duplicates(Protocol):
    """Finds inputs that are as good as the same."""

    async def like(self, task: Task) -> str | None:
        """Return the digest of an input whose summary *task* may share; None: there is none."""

    async def remember(self, task: Task, keep_until: float) -> None:
        """Let other inputs find that of *task*, whose summary is kept until *keep_until*."""


class NoDuplicates(Duplicates):
    """Every input is one of its own."""

    async def like(self, task: Task) -> str | None:
        """Find nothing."""
        del task
        return None

    async def remember(self, task: Task, keep_until: float) -> None:
        """Remember nothing."""
        del task, keep_until


class NearDuplicates(Duplicates):
    """Finds inputs whose facts are equal and whose likeness is *threshold* (a cosine) or more."""

    def __init__(
        self, inputs: SummaryInputs, embedder: PaidEmbedder, threshold: float, events: Events
    ) -> None:
        self._inputs = inputs
        self._embedder = embedder
        self._threshold = threshold
        self._events = events
        self._paid: dict[str, Vector] = {}
        """Vectors of inputs that were like no other, by digest, until they are remembered."""

    async def like(self, task: Task) -> str | None:
        """Return the digest of the most alike input of the same facts; None also on a fault."""
        try:
            known = await self._inputs.of(self._signature(task))
            known = {digest: vector for digest, vector in known.items() if digest != task.digest}
            if not known:
                return None
            own = await self._vector(task)
        except (TierError, SummaryError) as error:
            self._failed("get", error)
            return None
        likeness = {digest: cosine(own, vector) for digest, vector in known.items()}
        best = max(likeness, key=likeness.__getitem__)
        if likeness[best] >= self._threshold:
            return best
        self._paid[task.digest] = own
        if len(self._paid) > _PAID_KEPT:
            del self._paid[next(iter(self._paid))]
        return None

    async def remember(self, task: Task, keep_until: float) -> None:
        """Keep the vector of *task*; what cannot be kept is an event and no fault."""
        try:
            vector = await self._vector(task)
            await self._inputs.put(task.digest, self._signature(task), vector, keep_until)
        except (TierError, SummaryError) as error:
            self._failed("put", error)

    async def _vector(self, task: Task) -> Vector:
        """Return the vector of *task*, which is paid for once; raise `SummaryError`."""
        paid = self._paid.pop(task.digest, None)
        if paid is not None:
            return paid
        text = text_of(task.brief.records)
        return await self._embedder.embed(task.lookup, task.brief.priority, text)

    def _signature(self, task: Task) -> str:
        """Name the facts of *task* and all else that shapes its summary, but its wording."""
        shape = summary_digest(task.lookup, task.route, self._embedder.model)
        facts = signature(task.brief.records)
        return hashlib.sha256(canonical((shape, *facts))).hexdigest()

    def _failed(self, operation: str, error: Exception) -> None:
        if isinstance(error, SummaryError) and error.reason == "budget":
            return  # the budget tells of it
        self._events.emit(TierFailed("embeddings", operation, str(error)))


def signature(records: Sequence[Record]) -> tuple[str, ...]:
    """Return the facts of *records*, in their order: whose dose is whose is one of them.

    A sentence that counts, denies or speaks of somebody must have the same words as well; the
    others may be worded as they like.
    """
    text = text_of(records)
    facts = [f"record {str(record.get('name', '')).casefold()}" for record in records]
    facts += sorted(f"name {name.casefold()}" for name in set(names(text)))
    for line in _SENTENCE.split(text):
        sentence = read(folded(line))
        said = [f"{q.low:g} {q.high:g} {q.unit}" for q in sentence.said]
        about = [what for (kind, _, _), _, what in sentence.places if kind == POPULATION]
        if said or about or sentence.denied or sentence.terms:
            denied = [f"not {word}" for word in sorted(sentence.denied)]
            terms = [f"{kind} {value}" for kind, value in sorted(sentence.terms)]
            facts += (*said, *about, *denied, *terms, *sorted(stems(folded(line))), "")
    return tuple(facts)


def text_of(records: Sequence[Record]) -> str:
    """Return what *records* say, in their order."""
    return "\n".join(text for record in records for text in _texts(record))


def cosine(one: Vector, other: Vector) -> float:
    """Return how alike two vectors are, from -1 to 1; of different lengths, not at all."""
    if len(one) != len(other):
        return -1.0
    length = math.hypot(*one) * math.hypot(*other)
    return sum(map(mul, one, other)) / length if length else -1.0


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in _UNSAID:
                yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
    elif value not in (None, ""):
        yield str(value)
