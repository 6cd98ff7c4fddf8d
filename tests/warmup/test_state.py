from __future__ import annotations

from pathlib import Path

from gateway.lookup import Lookup
from gateway.warming import Warmed
from warmup.state import State


def test_what_was_done_is_known_to_the_next_run_and_what_failed_is_not(tmp_path: Path) -> None:
    path, lookups = tmp_path / "state", [Lookup("s", text) for text in "abcd"]
    with State(path) as state:
        assert state.done == frozenset()
        state.note(Warmed(lookups[0], "done"))
        state.note(Warmed(lookups[1], "failed", "no luck"))
        state.note(Warmed(lookups[2], "done", "without summary"))
        state.note(Warmed(lookups[3], "skipped"))
    with State(path) as state:
        assert state.done == {lookups[0].key, lookups[3].key}


def test_a_line_that_a_killed_run_has_not_ended_is_done_again(tmp_path: Path) -> None:
    path, lookup = tmp_path / "state", Lookup("s", "a")
    path.write_text(f"v1:first\n{lookup.key[:-1]}")
    with State(path) as state:
        assert state.done == {"v1:first"}
        state.note(Warmed(lookup, "done"))
    with State(path) as state:
        assert lookup.key in state.done
