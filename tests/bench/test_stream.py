from __future__ import annotations

from bench import stream
from bench.model import THINKS


def test_every_way_to_a_first_word_is_measured_and_printed() -> None:
    rows = stream.run(2)
    assert [row.name for row in rows] == list(stream.WAYS)
    assert all(len(row.first) == 2 and row.median >= THINKS * 1000 for row in rows)
    assert [line[:22].strip() for line in stream.report(rows).splitlines()[1:]] == [*stream.WAYS]
