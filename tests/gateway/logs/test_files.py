"""A log file stays within its bound, and no line is lost on the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.sources.units import Size
from gateway.logs.files import LogsSpec, RotatingFile, open_log


def test_a_file_that_is_full_is_put_aside_and_the_oldest_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "gateway.log"
    with RotatingFile(path, max_bytes=100, keep=2) as file:
        for number in range(60):
            file.write(f"line {number:02}\n")
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "gateway.log",
        "gateway.log.1",
        "gateway.log.2",
    ]
    assert all(each.stat().st_size <= 100 for each in tmp_path.iterdir())
    kept = [
        line
        for name in ("gateway.log.2", "gateway.log.1", "gateway.log")
        for line in (tmp_path / name).read_text().splitlines()
    ]
    assert kept == [f"line {number:02}" for number in range(60)][-len(kept) :]
    assert len(kept) > 24


def test_nothing_is_lost_between_two_files(tmp_path: Path) -> None:
    with RotatingFile(tmp_path / "a.log", max_bytes=64, keep=50) as file:
        for number in range(200):
            file.write(f"{number}\n")
    lines = sorted(int(line) for each in tmp_path.iterdir() for line in each.read_text().split())
    assert lines == list(range(200))


def test_what_is_there_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("before\n")
    with RotatingFile(path, max_bytes=1000, keep=1) as file:
        file.write("after\n")
    assert path.read_text() == "before\nafter\n"


def test_without_files_to_keep_the_old_one_is_gone(tmp_path: Path) -> None:
    with RotatingFile(tmp_path / "a.log", max_bytes=10, keep=0) as file:
        file.write("123456789\n")
        file.write("abc\n")
    assert [each.read_text() for each in tmp_path.iterdir()] == ["abc\n"]


def test_a_line_longer_than_a_file_is_still_told(tmp_path: Path) -> None:
    with RotatingFile(tmp_path / "a.log", max_bytes=4, keep=1) as file:
        file.write("a lone \ud800 surrogate\n")
    assert (tmp_path / "a.log").read_text() == "a lone \\ud800 surrogate\n"


def test_the_section_says_where_it_goes(tmp_path: Path) -> None:
    assert open_log(LogsSpec()) is None
    spec = LogsSpec(file=str(tmp_path / "gateway.log"), max_bytes=Size(1000))
    stream = open_log(spec)
    assert stream is not None
    with stream:
        stream.write("x\n")
        assert not stream.isatty()
    assert Path(spec.file).read_text() == "x\n"
    assert Path(spec.of_worker(2).file).name == "gateway-2.log"
    assert not LogsSpec().of_worker(2).file
    with pytest.raises(OSError, match="No such file"):
        open_log(LogsSpec(file=str(tmp_path / "nowhere" / "x.log")))
