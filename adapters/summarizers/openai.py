"""The summary that a model writes, over any OpenAI-compatible server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from adapters.breaker import Breaker
from adapters.commitment import commit
from adapters.errors import Kind, SummaryError, UpstreamError
from adapters.llm.chat import Chat, Completion
from adapters.llm.faults import UNWELL
from adapters.llm.openai import OpenAIChat
from adapters.llm.report import parse_report
from adapters.summarizers.base import Brief, Draft, Summarizer, Usage
from adapters.summarizers.prompt import PROMPT_VERSION, messages

__all__ = ["PROMPT_VERSION", "OpenAISummarizer"]


class OpenAISummarizer(Summarizer):
    """Asks one model, if its circuit is closed; *timeout* is the seconds of a whole call."""

    version = PROMPT_VERSION

    def __init__(
        self, base_url: str, api_key: str, model: str, timeout: float, breaker: Breaker
    ) -> None:
        """Load the SDK, which takes a second: make one at start, not in a lookup."""
        self.name = f"openai:{model}"
        self._chat: Chat = OpenAIChat(base_url, api_key, model, timeout)
        self._breaker = breaker

    async def summarize(self, brief: Brief) -> Draft:
        """Return the model's draft; raise `SummaryError` when there is none.

        Reasons: ``timeout``, ``unavailable``, ``rate_limited``, ``quota``, ``unauthorized``,
        ``unknown_model``, ``rejected``, ``too_long``, ``refused``, ``truncated``,
        ``malformed``, ``circuit_open``.
        """
        with self._watched():
            answer = await self._chat.complete(messages(brief), brief.schema)
        return self._draft(answer, brief)

    async def stream(self, brief: Brief, on_delta: Callable[[str], None]) -> Draft:
        """Return the model's draft, and tell *on_delta* its pieces; raise like `summarize`.

        A report is told whole: half of a JSON object says nothing to a reader.
        """
        if brief.schema is not None:
            return await super().stream(brief, on_delta)
        pieces: list[str] = []
        finish, usage = "stop", Usage()
        with self._watched():
            async for delta in self._chat.stream(messages(brief)):
                if delta.text:
                    pieces.append(delta.text)
                    on_delta(delta.text)
                finish, usage = delta.finish or finish, delta.usage or usage
        return self._draft(Completion("".join(pieces), finish, usage), brief)

    def _draft(self, answer: Completion, brief: Brief) -> Draft:
        text = answer.text.strip()
        if brief.schema is None:
            return Draft(text=text, by=self.name, finish=answer.finish, usage=answer.usage)
        report = parse_report(text)
        said = report.get("summary")
        return Draft(
            text=said if isinstance(said, str) else "",
            by=self.name,
            report=report,
            finish=answer.finish,
            usage=answer.usage,
        )

    async def close(self) -> None:
        """Give the connections back."""
        await self._chat.close()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Ask the breaker first and tell it afterwards; it speaks of upstream errors only."""
        try:
            with self._breaker.watch():
                commit()
                try:
                    yield
                except SummaryError as error:
                    raise _counted(error) from error
        except UpstreamError as error:
            if isinstance(error.__cause__, SummaryError):
                raise error.__cause__ from error.__cause__.__cause__
            raise SummaryError(
                "circuit_open", "The model rests after failures", retry_after=error.retry_after
            ) from error


def _counted(error: SummaryError) -> UpstreamError:
    """Return *error* as the breaker understands it: unwell, or none of its business."""
    kind = Kind.TRANSIENT if error.reason in UNWELL else Kind.INVALID_INPUT
    return UpstreamError(kind, error.message, retry_after=error.retry_after)
