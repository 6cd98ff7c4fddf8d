from __future__ import annotations

import pytest

from bench import heavy_hitters


def test_the_most_asked_are_named_in_little_memory(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(heavy_hitters, "NAMES", 50_000)
    monkeypatch.setattr(heavy_hitters, "AT_ONCE", 10_000)
    assert heavy_hitters.main(["--events", "60000", "--trace"]) == 0
    row = capsys.readouterr().out.splitlines()[-1]
    assert row.startswith("| Zipf, 50,000 names | 60,000 | 100% | ")
    assert 1 < float(row.split("|")[4]) < 64
