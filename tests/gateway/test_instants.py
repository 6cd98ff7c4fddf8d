"""Moments in writing."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from gateway.instants import instant


@given(st.floats(0, 4e9))
def test_a_moment_is_written_as_the_standard_library_writes_it(at: float) -> None:
    moment = datetime.fromtimestamp(round(at * 1e6) // 1_000_000, UTC)
    micro = round(at * 1e6) % 1_000_000
    written = moment.replace(microsecond=micro)
    for places, spec in ((0, "seconds"), (3, "milliseconds"), (6, "microseconds")):
        assert instant(at, places) == written.isoformat(timespec=spec).replace("+00:00", "Z")


def test_what_is_left_out_is_cut_and_not_rounded() -> None:
    assert instant(0.9999) == "1970-01-01T00:00:00Z"
    assert instant(0.9999, 3) == "1970-01-01T00:00:00.999Z"
