"""``python -m warmup --batch``, as it is run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml
from aiohttp.test_utils import TestServer

from adapters.llm.batched import BatchRun
from tests.adapters.llm.stub_batches import StubBatches
from tests.adapters.llm.stub_chat import completion
from tests.warmup.test_main import configured
from warmup.__main__ import main


@pytest.fixture
def stub() -> StubBatches:
    stub = StubBatches(lambda body: completion("Against pain."))
    stub.looks = 0
    return stub


@pytest.fixture
def url(stub: StubBatches) -> Iterator[str]:
    """The address of *stub*, served by a thread of its own: the command has its own loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = TestServer(stub.app())
    asyncio.run_coroutine_threadsafe(server.start_server(), loop).result(10)
    yield str(server.make_url("/v1"))
    asyncio.run_coroutine_threadsafe(server.close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def test_a_list_is_summarized_by_one_batch_and_that_can_be_resumed(
    tmp_path: Path,
    url: str,
    stub: StubBatches,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("warmup.__main__.BatchRun", partial(BatchRun, quiet=0.05))
    path = Path(configured(tmp_path))
    document = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(document | {"llm": {"base_url": url, "model": "m"}}))
    assert main(["--config", str(path), "--batch"]) == 0
    printed = capsys.readouterr()
    assert "loaded 2, fresh already 0, failed 0" in printed.out
    assert "2 summaries asked for; --resume batch_1 waits for it again" in printed.err
    for file in tmp_path.glob("lookup.db*"):
        file.unlink()
    assert main(["--config", str(path), "--resume", "batch_1"]) == 0
    printed = capsys.readouterr()
    assert "loaded 2" in printed.out
    assert "without" not in printed.err
    assert len(stub.batches) == 1
