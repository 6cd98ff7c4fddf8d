"""What earlier runs of the same work have done, in a file: one line for each lookup."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import IO, Self

from gateway.warming import Warmed


class State:
    """Knows the keys that are done, and notes each as it is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None
        self.done: frozenset[str] = frozenset()

    def __enter__(self) -> Self:
        """Read what there is; raise OSError."""
        self._file = self._path.open("a+", encoding="utf-8")
        self._file.seek(0)
        # A line that a killed process has not ended names nothing that is done.
        lines = self._file.read().splitlines(keepends=True)
        self.done = frozenset(line[:-1] for line in lines if line.endswith("\n"))
        if lines and not lines[-1].endswith("\n"):
            self._file.write("\n")
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def note(self, warmed: Warmed) -> None:
        """Note that *warmed* needs nothing more, if that is so."""
        if self._file is not None and warmed.status in ("done", "skipped") and not warmed.why:
            self._file.write(f"{warmed.lookup.key}\n")
            self._file.flush()


class NoState(State):
    """Remembers nothing: what is fresh in the database is known to be done."""

    def __init__(self) -> None:
        super().__init__(Path())

    def __enter__(self) -> Self:
        return self
