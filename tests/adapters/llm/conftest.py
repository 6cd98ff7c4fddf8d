from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestServer

from adapters.llm.openai import OpenAIChat
from tests.adapters.llm.stub_chat import StubChat


@pytest.fixture
def stub() -> StubChat:
    return StubChat()


@pytest.fixture
async def chat(stub: StubChat) -> AsyncIterator[OpenAIChat]:
    server = TestServer(stub.app())
    await server.start_server()
    model = OpenAIChat(str(server.make_url("/v1")), "sk-SECRET", "m", timeout=0.5)
    yield model
    await model.close()
    await server.close()
