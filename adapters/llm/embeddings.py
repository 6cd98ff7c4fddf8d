"""Embeddings through any OpenAI-compatible server; those that are wanted at once go in one call."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from adapters.errors import SummaryError
from adapters.llm.openai import translated

_PER_CALL = 64
"""Texts of one call: servers take 2,048 at most, and 300,000 tokens (api-quirks §11.1)."""
_ROOM = 8_000
"""Characters of a text: an input has 8,192 tokens at most, and a syllable may be one."""

Vector = Sequence[float]


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
        import openai  # noqa: PLC0415 - costs a second and 50 MB: only who chooses it pays

        self.model = model
        self._sdk = openai
        self._timeout = timeout
        self._client = openai.AsyncOpenAI(
            base_url=base_url or None,
            api_key=api_key or "none",  # local servers need none, the SDK insists
            timeout=timeout,
            max_retries=0,
            default_headers=headers,
            default_query=query,
        )
        self._wanted: list[tuple[str, asyncio.Future[Vector]]] = []
        self._calls: set[asyncio.Task[None]] = set()

    async def embed(self, text: str) -> Vector:
        """Return the vector of *text*; raise `SummaryError` when there is none."""
        future: asyncio.Future[Vector] = asyncio.get_running_loop().create_future()
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

    async def _answer(self, wanted: Sequence[tuple[str, asyncio.Future[Vector]]]) -> None:
        try:
            vectors = await self._ask([text for text, _ in wanted])
        except SummaryError as error:
            for _, future in wanted:
                if not future.done():
                    future.set_exception(SummaryError(error.reason, error.message))
            return
        except asyncio.CancelledError:
            for _, future in wanted:
                future.cancel()
            raise
        for (_, future), vector in zip(wanted, vectors, strict=True):
            if not future.done():
                future.set_result(vector)

    async def _ask(self, texts: list[str]) -> list[Vector]:
        with translated(self._sdk):
            async with asyncio.timeout(self._timeout):
                answer = await self._client.embeddings.create(
                    model=self.model, input=texts, encoding_format="float"
                )
            found = sorted(answer.data, key=lambda one: one.index)
            vectors = [[float(number) for number in one.embedding] for one in found]
            if len(vectors) != len(texts) or not all(vectors):
                raise SummaryError("malformed", "The model embedded something else")
            return list(vectors)
