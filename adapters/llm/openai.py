"""Chat through the official OpenAI SDK, with any server that speaks its protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from adapters.errors import SummaryError
from adapters.llm.chat import Completion, Delta, Message
from adapters.llm.client import open_client
from adapters.llm.faults import from_finish, from_status
from adapters.llm.limits import Limits
from adapters.llm.requests import Forms, request
from adapters.summarizers.base import Usage

SHAPE_FAULTS = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What reading an answer of another shape raises: the SDK does not validate answers, and
json.JSONDecodeError and pydantic.ValidationError are both ValueErrors (dependencies §6)."""


class OpenAIChat:
    """One model behind one base URL.

    Making one imports the SDK (about a second, 50 MB), so make it at start and only when
    it is configured. The SDK's own retries are off and *timeout*, in seconds, is the total
    of a call: the gateway owns both.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        model: str,
        timeout: float,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Talk to *model*; *headers* and *query* go with each call, *limits* are told of."""
        self.model = model
        self._timeout = timeout
        self._limits = Limits() if limits is None else limits
        self._forms = Forms()
        self._counts_streams = True
        self._sdk, self._client = open_client(
            base_url, api_key, timeout, headers=headers, query=query
        )

    async def complete(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None = None
    ) -> Completion:
        """Return the whole answer; raise `SummaryError` when there is none that ended by itself."""
        with translated(self._sdk):
            async with asyncio.timeout(self._timeout):
                answer = await self._create(messages, schema)
            return completion_of(answer)

    async def stream(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Delta]:
        """Yield the answer as it is written, and last how it ended; raise `SummaryError`."""
        deadline = asyncio.get_running_loop().time() + self._timeout
        reader = _Reader()
        with translated(self._sdk):
            async with asyncio.timeout_at(deadline):
                chunks = await self._create_stream(messages, schema)
        try:
            # The deadline is set anew around each read: a timeout must not span a yield,
            # or it would cancel whatever the caller is doing with the piece.
            while True:
                with translated(self._sdk):
                    async with asyncio.timeout_at(deadline):
                        chunk = await anext(chunks, None)
                    if chunk is None:
                        last = reader.end()
                        break
                    text = reader.read(chunk)
                if text:
                    yield Delta(text)
        finally:
            await chunks.close()
        yield last

    async def _create_stream(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None
    ) -> Any:
        """Return the chunks, with usage in them where the server can (Mistral: 422, §11.2)."""
        if self._counts_streams:
            try:
                return await self._create(
                    messages, schema, stream=True, stream_options={"include_usage": True}
                )
            except SummaryError as error:
                if error.reason != "rejected":
                    raise
        chunks = await self._create(messages, schema, stream=True)
        self._counts_streams = False
        return chunks

    async def _create(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None, **extra: Any
    ) -> Any:
        """Return the SDK's answer in the strictest form that the server takes."""
        create = self._client.chat.completions.with_raw_response.create
        forms = self._forms.to_try(schema)
        for form in forms:
            try:
                with translated(self._sdk):
                    raw = await create(**request(self.model, messages, schema, form), **extra)
            except SummaryError as error:
                if error.reason != "rejected" or form is forms[-1]:
                    raise
            else:
                self._forms.took(schema, form)
                self._limits.note(raw.headers)
                return raw.parse()
        raise AssertionError("there is always a last form")

    async def close(self) -> None:
        """Close the SDK's connections."""
        await self._client.close()


@contextmanager
def translated(sdk: Any) -> Iterator[None]:
    """Let nothing of *sdk* but `SummaryError` out; no message repeats what the server said."""
    try:
        yield
    except SummaryError:
        raise
    except (TimeoutError, sdk.APITimeoutError) as error:
        raise SummaryError("timeout", "The model was too slow") from error
    except sdk.APIConnectionError as error:
        raise SummaryError("unavailable", "The model's server cannot be reached") from error
    except sdk.APIResponseValidationError as error:
        raise SummaryError("malformed", "The model's answer is unusable") from error
    except sdk.APIError as error:
        status = getattr(error, "status_code", None)
        headers = error.response.headers if isinstance(error, sdk.APIStatusError) else {}
        raise from_status(status, str(error.code), str(error.type), headers) from error
    except (sdk.OpenAIError, *SHAPE_FAULTS) as error:
        raise SummaryError("malformed", "The model's answer is unusable") from error


def completion_of(answer: Any) -> Completion:
    """Return what the SDK's *answer* says; raise `SummaryError` when it did not end by itself.

    An answer of another shape raises whatever reading it does: read it within `translated`.
    """
    choice, usage = answer.choices[0], usage_of(answer.usage)
    text, finish = choice.message.content, choice.finish_reason
    if choice.message.refusal:
        raise SummaryError("refused", "The model refused to answer", usage=usage)
    _ended_by_itself(finish, text, usage)
    return Completion(text=text, finish=finish, usage=usage)


class _Reader:
    """Takes text, ending and usage out of the chunks of one stream.

    Azure's first chunk has no choices and its deltas may be null; llama.cpp sends the usage
    with the finish reason, OpenAI in a chunk of its own without choices (api-quirks §11).
    """

    def __init__(self) -> None:
        self._finish: str | None = None
        self._usage = Usage()
        self._said = False

    def read(self, chunk: Any) -> str:
        if getattr(chunk, "usage", None) is not None:
            self._usage = usage_of(chunk.usage)
        if not chunk.choices:
            return ""
        choice = chunk.choices[0]
        self._finish = choice.finish_reason or self._finish
        if choice.delta is None:
            return ""
        if getattr(choice.delta, "refusal", None):
            raise SummaryError("refused", "The model refused to answer")
        text = choice.delta.content or ""
        self._said = self._said or bool(text.strip())
        return text

    def end(self) -> Delta:
        """Return the last delta; raise when the stream was cut or said nothing."""
        _ended_by_itself(self._finish, "said" if self._said else "", self._usage)
        return Delta(finish=self._finish, usage=self._usage)


def _ended_by_itself(finish: str | None, text: object, usage: Usage) -> None:
    fault = from_finish(finish)
    if fault is not None:
        fault.usage = usage
        raise fault
    if not isinstance(text, str) or not text.strip():
        raise SummaryError("malformed", "The model answered nothing", usage=usage)


def usage_of(usage: Any) -> Usage:
    """Return what *usage* tells; anything that is missing, or no count, is unknown."""
    details = getattr(usage, "prompt_tokens_details", None)
    return Usage(
        # Ollama says 0 where it had the prompt cached: no prompt has no tokens (§11.2).
        prompt_tokens=_count(usage, "prompt_tokens") or None,
        cached_tokens=_count(details, "cached_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
    )


def _count(holder: Any, name: str) -> int | None:
    value = getattr(holder, name, None)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
