from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

from bench.popularity import DEFAULT, read_trace, replay, zipf


def test_with_half_of_all_calls_failing_what_was_kept_is_always_answered() -> None:
    done = replay("zipf", zipf(20, 2000), DEFAULT, warm=True)
    assert done.answered == 1.0
    assert done.calls > 0


def test_from_empty_most_of_a_popular_trace_is_answered() -> None:
    done = replay("zipf", zipf(20, 500), DEFAULT, warm=False)
    assert done.answered > 0.95
    assert done.outcomes.total() == 500


def test_a_drawn_trace_is_popular_and_the_same_each_time() -> None:
    drawn = zipf(100, 2000)
    assert drawn == zipf(100, 2000)
    assert Counter(drawn).most_common(1)[0][0] == "name 0"


def test_a_trace_is_one_key_a_line(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.txt", tmp_path / "a.txt.gz"
    plain.write_text("1\n2\n1\n")
    packed.write_bytes(gzip.compress(b"1\n2\n1\n"))
    assert read_trace(plain) == read_trace(packed) == ["1", "2", "1"]
