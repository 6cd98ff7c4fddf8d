"""A provider's batch endpoint: many chats in one file, answered within a day, at a lower price.

The documented steps of OpenAI's Batch API: upload a file of lines, create a batch of it, ask how
it stands, read the file of answers and the file of errors.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from adapters.errors import SummaryError
from adapters.llm.chat import Completion, Message
from adapters.llm.client import open_client
from adapters.llm.faults import from_status
from adapters.llm.openai import completion_of, translated
from adapters.llm.requests import Form, request
from adapters.llm.spec import ModelSpec

Result = Completion | SummaryError

MAX_LINES = 50_000
MAX_BYTES = 190_000_000
"""A batch takes 50,000 requests in a file of 200 MB (OpenAI, Batch API)."""
_ENDPOINT: Final = "/v1/chat/completions"
_WINDOW: Final = "24h"
_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_PASSING = frozenset({"timeout", "unavailable", "rate_limited"})
"""Faults of asking how a batch stands that say nothing of the batch."""
_FILE_SECONDS = 600.0
_MARK: Final = "lookup_gateway"
"""Under which a batch keeps who has submitted it, in its metadata."""


@dataclass(frozen=True, slots=True)
class Line:
    """One chat of a batch."""

    id: str
    """Names what is asked: the same question, the same line."""
    body: bytes
    """As it stands in the file, with its line break."""


def line_of(
    model: str, messages: Sequence[Message], schema: Mapping[str, Any] | None = None
) -> Line:
    """Return the line that asks *model*; strict forms are for servers that can be asked again."""
    asked = request(model, messages, schema, Form.SCHEMA)
    content = json.dumps(asked, ensure_ascii=False, sort_keys=True)
    name = hashlib.sha256(content.encode()).hexdigest()
    line = {"custom_id": name, "method": "POST", "url": _ENDPOINT, "body": asked}
    return Line(name, json.dumps(line, ensure_ascii=False).encode() + b"\n")


def split(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Yield *lines* in as many batches as they need."""
    batch: list[Line] = []
    size = 0
    for line in lines:
        if batch and (len(batch) == MAX_LINES or size + len(line.body) > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line.body)
    if batch:
        yield batch


class Batches:
    """The batches of one account; *poll* is the seconds between two looks at one."""

    def __init__(
        self,
        spec: ModelSpec,
        *,
        poll: float = 30.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Load the SDK, which takes a second."""
        self.model = spec.model
        self._poll = poll
        self._sleep = sleep
        self._sdk, self._client = open_client(
            spec.base_url, spec.api_key, _FILE_SECONDS, headers=spec.headers, query=spec.query
        )

    async def submit(self, lines: Sequence[Line], mark: str = "") -> str:
        """Return the name of a batch of *lines*; raise `SummaryError` when none is taken.

        After ``timeout``, ``unavailable`` and ``malformed`` it may have been taken all the same:
        `find` finds it by its *mark*.
        """
        marked = {_MARK: mark} if mark else self._sdk.omit
        content = b"".join(line.body for line in lines)
        with translated(self._sdk):
            file = await self._client.files.create(file=("lookups.jsonl", content), purpose="batch")
            batch = await self._client.batches.create(
                input_file_id=file.id,
                endpoint=_ENDPOINT,
                completion_window=_WINDOW,
                metadata=marked,
            )
            return str(batch.id)

    async def find(self, mark: str) -> str | None:
        """Return the name of the batch that was submitted with *mark*; raise `SummaryError`."""
        with translated(self._sdk):
            async for batch in self._client.batches.list(limit=100):
                if (batch.metadata or {}).get(_MARK) == mark:
                    return str(batch.id)
        return None

    async def look(self, name: str) -> dict[str, Result] | None:
        """Return what the batch *name* brought; None while it goes on.

        Raise `SummaryError`: ``unknown_model`` where there is no such batch, ``rejected`` where it
        was refused, others where nobody could be asked how it stands.
        """
        with translated(self._sdk):
            batch = await self._client.batches.retrieve(name)
        return await self._read_all(batch) if batch.status in _ENDED else None

    async def cancel(self, name: str) -> None:
        """Have no more of it done; what is done can be read later. Raise `SummaryError`."""
        with translated(self._sdk):
            await self._client.batches.cancel(name)

    async def results(self, name: str) -> dict[str, Result]:
        """Return what the batch *name* brought, by line, once it has ended; it may lack some.

        Raise `SummaryError` when the batch was refused, or is not known.
        """
        return await self._read_all(await self._ended(name))

    async def _read_all(self, batch: Any) -> dict[str, Result]:
        if batch.status == "failed":
            raise SummaryError("rejected", "The model's server refused the batch")
        found: dict[str, Result] = {}
        for file in filter(None, (batch.error_file_id, batch.output_file_id)):
            with translated(self._sdk):
                content = await self._client.files.content(file)
                found |= dict(map(self._read, content.text.splitlines()))
        return found

    async def close(self) -> None:
        """Close the connections; batches that were submitted go on."""
        await self._client.close()

    async def _ended(self, name: str) -> Any:
        while True:
            try:
                with translated(self._sdk):
                    batch = await self._client.batches.retrieve(name)
            except SummaryError as error:
                if error.reason not in _PASSING:
                    raise
            else:
                if batch.status in _ENDED:
                    return batch
            await self._sleep(self._poll)

    def _read(self, text: str) -> tuple[str, Result]:
        line = json.loads(text)
        name, response = str(line["custom_id"]), line.get("response") or {}
        status, body = response.get("status_code"), response.get("body") or {}
        if status != 200:
            fault = line.get("error") or body.get("error") or {}
            return name, from_status(status, str(fault.get("code")), str(fault.get("type")), {})
        answer = self._sdk.types.chat.ChatCompletion.construct(**body)
        try:
            with translated(self._sdk):
                found = completion_of(answer)
        except SummaryError as error:
            if error.usage is not None:
                error.usage = replace(error.usage, batched=True)
            return name, error
        return name, replace(found, usage=replace(found.usage, batched=True))
