"""The bench of what replicas share runs, and has a line for each figure."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.replicas import QUICK, measure, report
from tests.servers.postgres import Server
from tests.servers.valkey import Valkey


@pytest.mark.timeout(60)
async def test_each_figure_has_its_line(
    postgres_server: Server, valkey_server: Valkey, tmp_path: Path
) -> None:
    table = "\n".join(report(await measure(QUICK, postgres_server, valkey_server, tmp_path)))
    for line in ("SQLite, database tier", "PostgreSQL, database tier", "entries a second", "poll"):
        assert line in table
