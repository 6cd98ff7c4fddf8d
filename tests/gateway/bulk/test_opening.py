from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from adapters.sources.units import Duration
from gateway.__main__ import main
from gateway.assembly import open_gateway
from gateway.bulk.spec import BatchesSpec
from gateway.config import ConfigError, load_config
from tests.own_logs import logs_as_before
from tests.stub_upstream import source


def config_at(folder: Path, run_by: str) -> Path:
    path = folder / "config.yaml"
    database = {"url": f"sqlite+aiosqlite:///{folder / 'lookup.db'}"}
    plain = source("http://127.0.0.1:1", summary={"by": "none"})
    document = {"database": database, "batches": {"run_by": run_by}, "sources": {"plain": plain}}
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """A command sends every log line of its process to standard error, which is the test's own."""
    with logs_as_before():
        yield


async def test_workers_need_a_database_that_they_can_share(tmp_path: Path) -> None:
    config = load_config(config_at(tmp_path, "workers"), {})
    async with open_gateway(config) as gateway:
        with pytest.raises(ConfigError, match="PostgreSQL"):
            async with gateway.bulk.running():
                pass


@pytest.mark.parametrize("run_by", ["serve", "workers"])
def test_a_worker_that_has_nothing_to_do_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], run_by: str
) -> None:
    assert main(["worker", "--config", str(config_at(tmp_path, run_by))]) == 2
    assert "batches.run_by" in capsys.readouterr().err


def test_a_batch_is_not_forgotten_while_it_is_waited_for() -> None:
    with pytest.raises(ValueError, match="patience"):
        BatchesSpec(patience=Duration(10), keep=Duration(9))
