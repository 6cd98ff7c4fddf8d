"""``logs:``, and a log file that never grows beyond its bound."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Annotated, Literal, TextIO

import msgspec

from adapters.sources.units import Size, Spec


class LogsSpec(Spec, frozen=True, kw_only=True):
    """What is told, and where."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """What is less than that is not told."""
    file: str = ""
    """Its path; empty: standard error. With several workers each has its own: ``gateway-1.log``."""
    max_bytes: Size = msgspec.field(default_factory=lambda: Size(64 << 20))
    """A file that has grown so long is put aside and begun anew."""
    keep: Annotated[int, msgspec.Meta(ge=0)] = 5
    """So many of those that were put aside stay: ``gateway.log.1`` is the newest."""
    sample_hits: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.01
    """Share of hits that have an access line; misses and errors always have one."""

    def of_worker(self, number: int) -> LogsSpec:
        """Return the section of worker *number*, which has a file of its own."""
        if not self.file:
            return self
        path = Path(self.file)
        own = str(path.with_name(f"{path.stem}-{number}{path.suffix}"))
        return msgspec.structs.replace(self, file=own)


class RotatingFile(io.TextIOBase):
    """Text that is appended to the file at *path*; older text is in *keep* files beside it.

    Raise `OSError` where it cannot be written.
    """

    def __init__(self, path: Path, max_bytes: int, keep: int) -> None:
        super().__init__()
        self._path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._open()

    def write(self, text: str) -> int:
        """Append *text*, at once, in a file of its own where it no longer fits."""
        data = text.encode("utf-8", "backslashreplace")
        if self._size and self._size + len(data) > self._max_bytes:
            self._rotate()
        os.write(self._descriptor, data)
        self._size += len(data)
        return len(text)

    def flush(self) -> None:
        """Return: everything is written at once."""

    def isatty(self) -> bool:
        """Return False: lines are JSON."""
        return False

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            os.close(self._descriptor)
        super().close()

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._descriptor = os.open(self._path, flags, 0o640)
        self._size = os.fstat(self._descriptor).st_size

    def _rotate(self) -> None:
        os.close(self._descriptor)
        for number in range(self._keep, 0, -1):
            older = self._aside(number - 1)
            if older.exists():
                older.replace(self._aside(number))
        if not self._keep:
            self._path.unlink(missing_ok=True)
        self._open()

    def _aside(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path


def open_log(spec: LogsSpec) -> TextIO | None:
    """Return where lines go; None: standard error. Raise `OSError`."""
    if not spec.file:
        return None
    file: TextIO = RotatingFile(Path(spec.file), spec.max_bytes, spec.keep)  # type: ignore[assignment]
    return file
