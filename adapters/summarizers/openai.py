"""The summary that a model writes, over any OpenAI-compatible server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adapters.errors import SummaryError
from adapters.llm.chat import Chat, Completion
from adapters.llm.report import parse_report
from adapters.summarizers.base import Brief, Draft, Summarizer, Usage
from adapters.summarizers.prompt import PROMPT_VERSION, messages

__all__ = ["PROMPT_VERSION", "OpenAISummarizer"]


class OpenAISummarizer(Summarizer):
    """Asks *chat*: a model, or several in order.

    It is named by the first of them, whoever writes: a summary that a second one wrote is found
    again, and not paid for anew, once the first one is back.
    """

    version = PROMPT_VERSION

    def __init__(self, chat: Chat) -> None:
        self.name = f"openai:{chat.model}"
        self._chat = chat

    async def summarize(self, brief: Brief) -> Draft:
        """Return the model's draft; raise `SummaryError` when there is none.

        Reasons: ``timeout``, ``unavailable``, ``rate_limited``, ``quota``, ``unauthorized``,
        ``unknown_model``, ``rejected``, ``too_long``, ``refused``, ``truncated``,
        ``malformed``, ``circuit_open``.
        """
        answer = await self._chat.complete(messages(brief), brief.schema)
        return self._draft(answer, brief)

    async def stream(self, brief: Brief, on_delta: Callable[[str], None]) -> Draft:
        """Return the model's draft, and tell *on_delta* its pieces; raise like `summarize`.

        A report is told whole: half of a JSON object says nothing to a reader.
        """
        if brief.schema is not None:
            return await super().stream(brief, on_delta)
        pieces: list[str] = []
        finish, usage, model = "stop", Usage(), ""
        async for delta in self._chat.stream(messages(brief)):
            if delta.text:
                pieces.append(delta.text)
                on_delta(delta.text)
            finish, usage = delta.finish or finish, delta.usage or usage
            model = delta.model
        return self._draft(Completion("".join(pieces), finish, usage, model), brief)

    def _draft(self, answer: Completion, brief: Brief) -> Draft:
        by = f"openai:{answer.model}" if answer.model else self.name
        text = answer.text.strip()
        if brief.schema is None:
            return Draft(text=text, by=by, finish=answer.finish, usage=answer.usage)
        report = _report(text, answer.usage)
        said = report.get("summary")
        return Draft(
            text=said.strip() if isinstance(said, str) else "",
            by=by,
            report=report,
            finish=answer.finish,
            usage=answer.usage,
        )

    async def close(self) -> None:
        """Give the connections back."""
        await self._chat.close()


def _report(text: str, usage: Usage) -> Mapping[str, Any]:
    try:
        return parse_report(text)
    except SummaryError as error:
        error.usage = usage  # it was paid for all the same
        raise
