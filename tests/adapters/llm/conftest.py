from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestServer

from adapters.llm.openai import OpenAIChat
from tests.adapters.llm.stub_chat import StubChat


@pytest.fixture
def stub() -> StubChat:
    return StubChat()


@pytest.fixture
async def url(stub: StubChat) -> AsyncIterator[str]:
    """Where the stub listens."""
    async with TestServer(stub.app()) as server:
        yield str(server.make_url("/v1"))


@pytest.fixture
async def chat(url: str) -> AsyncIterator[OpenAIChat]:
    model = OpenAIChat(url, "sk-SECRET", "m", timeout=20)
    yield model
    await model.close()
