from __future__ import annotations

import pytest

from bench import growth


async def test_a_hit_is_measured_among_few_and_among_more_entries(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(growth, "_TIMES", 200)
    monkeypatch.setattr(growth, "_ROUNDS", 1)
    monkeypatch.setattr(growth, "settle", lambda: None)
    await growth.run([10, 300])
    # The gateway logs to the same place.
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [line.split("|")[1:3] for line in lines[1:]] == [
        [f" {entries} ", f" {way} "]
        for entries in ("10", "300")
        for way in ("by Zipf(1)", "evenly")
    ]
