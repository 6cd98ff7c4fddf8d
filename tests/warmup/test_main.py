from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from warmup.__main__ import main

DATA = "id,name,use\n1,Aspirin,Against pain and fever.\n2,Ibuprofen,Against pain.\n"


def configured(folder: Path, **source: Any) -> str:
    (folder / "data.csv").write_text(DATA)
    section: Mapping[str, Any] = {
        "adapter": "dataset",
        "dataset": {
            "path": "data.csv",
            "format": "csv",
            "id": "id",
            "fields": {"name": "name", "use": "use"},
        },
        "summary": {"roles": {"purpose": ["use"]}},
        "warm": ["aspirin", "ibuprofen"],
        **source,
    }
    document = {
        "database": {"url": f"sqlite+aiosqlite:///{folder / 'lookup.db'}"},
        "sources": {"drugs": section},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(document))
    return str(path)


def test_a_warm_up_loads_what_is_due_and_the_next_one_skips_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = configured(tmp_path)
    assert main(["--config", path, "--dry-run"]) == 0
    assert "2 calls to make; 0 fresh already" in capsys.readouterr().out
    assert main(["--config", path]) == 0
    assert "loaded 2, fresh already 0, failed 0" in capsys.readouterr().out
    assert main(["--config", path, "--source", "drugs"]) == 0
    assert "loaded 0, fresh already 2, failed 0" in capsys.readouterr().out


def test_what_fails_is_told_and_is_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").touch()
    request = {"url": "http://127.0.0.1:9/x", "allow_private": True}
    path = configured(
        tmp_path,
        adapter="declarative",
        dataset=None,
        request=request,
        limits={"retries": 0},
    )
    assert main(["--config", path]) == 1
    printed = capsys.readouterr()
    assert "failed: drugs: aspirin: the upstream cannot be reached" in printed.err
    assert "failed 2" in printed.out


def test_wrong_usage_is_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = configured(tmp_path)
    assert main(["--config", path, "--source", "drogs"]) == 2
    assert "unknown source drogs" in capsys.readouterr().err
    assert main(["--config", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml" in capsys.readouterr().err
    assert main(["--config", path, "--from", "none.csv"]) == 2
    assert capsys.readouterr().err == "none.csv: No such file or directory\n"


def test_a_database_that_cannot_be_opened_is_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(configured(tmp_path))
    path.write_text(path.read_text().replace("lookup.db", "no/such/lookup.db"))
    assert main(["--config", str(path)]) == 1
    assert "lookup.db" in capsys.readouterr().err
