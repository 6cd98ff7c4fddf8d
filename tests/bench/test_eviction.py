from __future__ import annotations

from pathlib import Path

import pytest

from bench import eviction
from bench.popularity import zipf


def test_the_policy_is_as_good_as_the_libraries_that_are_there() -> None:
    trace = zipf(2_000, 20_000)
    others = [replay(trace, 40) for replay in eviction.installed().values()]
    assert others
    assert eviction.ours(trace, 40) >= max(others) - eviction.SLACK


def test_a_loop_that_is_longer_than_memory_still_hits() -> None:
    loop = [f"{number}" for number in range(400)] * 10
    assert eviction.ours(loop, 100) > 0.2
    assert eviction.installed()["LRU (cachebox)"](loop, 100) == 0


def test_the_table_has_a_row_for_each_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eviction, "nanoseconds", lambda: 100.0)
    trace = tmp_path / "loop.txt"
    trace.write_text("\n".join(zipf(300, 3_000)).replace(" ", "_"))
    eviction.main(["--trace", str(trace)])
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.startswith("| loop |")]) == len(eviction.SHARES)
    assert lines[-1].startswith("A hit costs 100 ns of CPU")
