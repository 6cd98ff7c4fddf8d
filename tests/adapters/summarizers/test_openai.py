"""The model's summary, against an OpenAI-compatible mock that others wrote."""

import time
from collections.abc import AsyncIterator, Iterator

import pytest
from aiohttp.test_utils import TestServer

from adapters.breaker import Breaker
from adapters.errors import SummaryError
from adapters.llm.chain import ModelChain
from adapters.llm.opening import open_chain
from adapters.llm.spec import ModelSpec
from adapters.sources.units import Duration
from adapters.summarizers.base import Brief
from adapters.summarizers.openai import OpenAISummarizer
from tests.adapters.llm.stub_chat import StubChat, chunk, completion, failure
from tests.servers.llmock import llmock

BRIEF = Brief("pill", ({"id": "1", "name": "Pill", "purpose": "for pain"},), "en")


def breaker(name: str) -> Breaker:
    return Breaker(name, 2, 60.0, clock=time.monotonic, on_change=lambda *_: None)


def chain(base_url: str, model: str) -> ModelChain:
    spec = ModelSpec(model=model, base_url=base_url, api_key="key", timeout=Duration(40))
    return open_chain([spec], 0.0, breaker)


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    with llmock() as url:
        yield url


@pytest.fixture
async def mocked(mock: str) -> AsyncIterator[OpenAISummarizer]:
    summarizer = OpenAISummarizer(chain(f"{mock}/v1", "gpt-4.1"))
    yield summarizer
    await summarizer.close()


@pytest.fixture
def stub() -> StubChat:
    return StubChat()


@pytest.fixture
async def stubbed(stub: StubChat) -> AsyncIterator[OpenAISummarizer]:
    server = TestServer(stub.app())
    await server.start_server()
    summarizer = OpenAISummarizer(chain(str(server.make_url("/v1")), "m"))
    yield summarizer
    await summarizer.close()
    await server.close()


async def reason(summarizer: OpenAISummarizer) -> str:
    with pytest.raises(SummaryError) as caught:
        await summarizer.summarize(BRIEF)
    return caught.value.reason


async def test_a_summary_is_the_models(mocked: OpenAISummarizer) -> None:
    draft = await mocked.summarize(BRIEF)
    assert draft.by == mocked.name == "openai:gpt-4.1"
    assert draft.text
    assert draft.finish == "stop"
    assert draft.usage.prompt_tokens
    assert draft.usage.completion_tokens


async def test_a_stream_says_what_the_whole_answer_would(mocked: OpenAISummarizer) -> None:
    told: list[str] = []
    draft = await mocked.stream(BRIEF, told.append)
    assert "".join(told).strip() == draft.text != ""
    assert draft.finish == "stop"


async def test_a_stream_tells_each_piece_and_what_it_took(
    stub: StubChat, stubbed: OpenAISummarizer
) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    stub.events = [chunk("For "), chunk("pain."), chunk(None, "stop", usage=usage), "[DONE]"]
    told: list[str] = []
    draft = await stubbed.stream(BRIEF, told.append)
    assert told == ["For ", "pain."]
    assert (draft.text, draft.usage.completion_tokens) == ("For pain.", 3)


async def test_a_stream_that_breaks_off_is_no_draft(
    stub: StubChat, stubbed: OpenAISummarizer
) -> None:
    stub.events = [chunk("For ")]
    told: list[str] = []
    with pytest.raises(SummaryError) as caught:
        await stubbed.stream(BRIEF, told.append)
    assert (caught.value.reason, told) == ("truncated", ["For "])


async def test_a_report_is_told_whole(stub: StubChat, stubbed: OpenAISummarizer) -> None:
    stub.body = completion('{"summary": "For pain.", "risk": 3}')
    told: list[str] = []
    draft = await stubbed.stream(Brief("p", BRIEF.records, "en", schema={}), told.append)
    assert told == ["For pain."]
    assert draft.report == {"summary": "For pain.", "risk": 3}


async def test_a_schema_gives_a_report_and_its_summary(
    stub: StubChat, stubbed: OpenAISummarizer
) -> None:
    stub.body = completion('{"summary": "For pain.", "risk": 3}')
    schema = {"type": "object", "required": ["summary", "risk"]}
    draft = await stubbed.summarize(Brief("p", BRIEF.records, "en", schema=schema))
    assert draft.report == {"summary": "For pain.", "risk": 3}
    assert draft.text == "For pain."


async def test_a_provider_that_keeps_failing_is_left_alone(
    stub: StubChat, stubbed: OpenAISummarizer
) -> None:
    stub.status, stub.body = 500, failure("server_error")
    assert [await reason(stubbed) for _ in range(3)] == [
        "unavailable",
        "unavailable",
        "circuit_open",
    ]
    assert len(stub.asked) == 2


@pytest.mark.parametrize(
    ("status", "body"),
    [(429, failure("rate_limit_exceeded")), (200, completion("It is a", "length"))],
)
async def test_a_limit_or_a_long_answer_opens_no_circuit(
    stub: StubChat, stubbed: OpenAISummarizer, status: int, body: object
) -> None:
    stub.status, stub.body, stub.headers = status, body, {"retry-after": "0"}
    reasons = {await reason(stubbed) for _ in range(4)}
    assert "circuit_open" not in reasons
    assert len(stub.asked) == 4
