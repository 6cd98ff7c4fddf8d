"""Embeddings through any OpenAI-compatible server; those that are wanted at once go in one call."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from adapters.errors import SummaryError
from adapters.llm.client import open_client
from adapters.llm.openai import SHAPE_FAULTS, translated, usage_of
from adapters.summarizers.base import Usage

_PER_CALL = 64
"""Texts of one call: servers take 2,048 at most, and 300,000 tokens (api-quirks §11.1)."""
_ROOM = 8_000
"""Characters of a text: an input has 8,192 tokens at most, and a syllable may be one."""

Vector = Sequence[float]


@dataclass(frozen=True, slots=True)
class Embedding:
    """What became of one text."""

    vector: Vector
    tokens: int | None
    """Its share of what the call took; None is unknown, which is not zero."""


_Waiting = tuple[str, "asyncio.Future[Embedding]"]


class Embeddings:
    """One embeddings model behind one base URL; *timeout* is the seconds of a whole call."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        model: str,
        timeout: float,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> None:
        """Load the SDK, which takes a second: make one at start, not in a lookup."""
        self.model = model
        self._timeout = timeout
        self._sdk, self._client = open_client(
            base_url, api_key, timeout, headers=headers, query=query
        )
        self._wanted: list[_Waiting] = []
        self._calls: set[asyncio.Task[None]] = set()

    async def embed(self, text: str) -> Embedding:
        """Return the vector of *text*; raise `SummaryError` when there is none.

        The error's usage, where it has one, is the text's share of what the call took as well.
        """
        future: asyncio.Future[Embedding] = asyncio.get_running_loop().create_future()
        if not self._wanted:
            asyncio.get_running_loop().call_soon(self._flush)
        # An empty text is refused (api-quirks §11.1).
        self._wanted.append((text[:_ROOM] or " ", future))
        return await future

    async def close(self) -> None:
        """End what is in the air, and close the connections."""
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        await self._client.close()

    def _flush(self) -> None:
        wanted, self._wanted = self._wanted, []
        for start in range(0, len(wanted), _PER_CALL):
            call = asyncio.create_task(self._answer(wanted[start : start + _PER_CALL]))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    async def _answer(self, wanted: Sequence[_Waiting]) -> None:
        texts = [text for text, _ in wanted]
        try:
            vectors, tokens = await self._ask(texts)
        except SummaryError as error:
            total = None if error.usage is None else error.usage.prompt_tokens
            for (_, future), share in zip(wanted, _shares(total, texts), strict=True):
                if not future.done():
                    usage = None if error.usage is None else Usage(share, None, 0)
                    future.set_exception(SummaryError(error.reason, error.message, usage=usage))
            return
        except asyncio.CancelledError:
            for _, future in wanted:
                future.cancel()
            raise
        told = zip(wanted, vectors, _shares(tokens, texts), strict=True)
        for (_, future), vector, share in told:
            if not future.done():
                future.set_result(Embedding(vector, share))

    async def _ask(self, texts: list[str]) -> tuple[list[Vector], int | None]:
        """Return the vectors of *texts*, and the tokens of the call."""
        with translated(self._sdk):
            async with asyncio.timeout(self._timeout):
                answer = await self._client.embeddings.create(
                    model=self.model, input=texts, encoding_format="float"
                )
            usage = usage_of(getattr(answer, "usage", None))
            try:
                return _vectors(answer, len(texts)), usage.prompt_tokens
            except SHAPE_FAULTS as error:
                what = "The model embedded something else"
                raise SummaryError("malformed", what, usage=usage) from error


def _vectors(answer: Any, count: int) -> list[Vector]:
    """Return the vectors of *answer* in their order; raise `ValueError` unless they are *count*."""
    found = sorted(answer.data, key=lambda one: one.index)
    vectors = [[float(number) for number in one.embedding] for one in found]
    if len(vectors) != count or not all(vectors):
        raise ValueError("not as many vectors as texts")
    return list(vectors)


def _shares(tokens: int | None, texts: Sequence[str]) -> list[int | None]:
    """Return what each of *texts* has of *tokens*, by its size: together they are all of them."""
    if tokens is None:
        return [None] * len(texts)
    ends = list(accumulate((len(text.encode()) for text in texts), initial=0))
    marks = [tokens * end // ends[-1] for end in ends]
    return [end - start for start, end in pairwise(marks)]
