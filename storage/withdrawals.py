"""What was withdrawn lately, in this process's memory, and whether an entry is covered by it. Pure.

An entry carries the position that the log had before its fetch began (`Entry.position`). It is
covered when the log has, after that position, a withdrawal of what it is or holds.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from storage.entry import Entry

Kind = Literal["key", "source", "pattern", "tag", "item", "all"]
NEVER: Final = float("inf")
SHARED: Final = "public"
"""The tenant of the answers that all tenants share."""
KEPT: Final = 10_000
"""Withdrawals that are remembered one by one."""


_IDS: Final = re.compile(r"\n([^\t\n]+)\t")
"""The ids in what an entry holds; its first line has none."""
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@dataclass(frozen=True, slots=True)
class Scope:
    """What is withdrawn, among the answers of one tenant."""

    kind: Kind
    tenant: str
    source: str = ""
    """Of a source, a pattern or an item."""
    value: str = ""
    """The key, the pattern, the tag or the item's id."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """One line of the log."""

    position: int
    scope: Scope


class Withdrawals:
    """The log as far as this process has applied it; *position* is where it stands.

    Of what came before *floor* nothing is known any more: an entry from before it counts as
    covered, and is read again from where the truth is.

    After *until*, by *clock*, others may have stopped waiting for this process: it can't tell any
    more what was withdrawn.
    """

    def __init__(
        self, position: int = 0, floor: int = 0, clock: Callable[[], float] | None = None
    ) -> None:
        self.position = position
        self.floor = floor
        self.until = NEVER
        self.clock = clock or elapsed
        self._latest: dict[Scope, int] = {}
        self._sources: dict[tuple[str, str], int] = {}
        """The latest withdrawal of a pattern or an item, by tenant and source."""

    def apply(self, news: Iterable[Withdrawal]) -> None:
        """Take the next lines of the log, in their order."""
        for line in news:
            if line.position <= self.position:
                continue
            scope = line.scope
            # The newest last: the oldest are the first to be forgotten.
            self._latest.pop(scope, None)
            self._latest[scope] = self.position = line.position
            if scope.kind in ("pattern", "item"):
                self._sources[scope.tenant, scope.source] = line.position
        while len(self._latest) > KEPT:
            oldest = next(iter(self._latest))
            self.floor = max(self.floor, self._latest.pop(oldest))

    def forget(self, position: int) -> None:
        """Begin anew at *position*: of everything before, nothing is known."""
        self.position = self.floor = position
        self._latest.clear()
        self._sources.clear()

    def untouched(self, position: int) -> bool:
        """Say whether nothing at all was withdrawn after *position*, as far as can be told."""
        return position >= self.position and self.current

    @property
    def current(self) -> bool:
        """Whether copies may be served that only this log vouches for."""
        return self.until == NEVER or self.clock() < self.until

    def covers(self, entry: Entry) -> bool:
        """Say whether *entry* was withdrawn after the position that it carries."""
        since = entry.position
        if since >= self.position:
            return False
        if since < self.floor:
            return True
        if not self._latest:
            return False
        return self._covered(entry, tenant_of(entry.key), since)

    def _covered(self, entry: Entry, tenant: str, since: int) -> bool:
        latest, source = self._latest, entry.source
        plain = [
            Scope("key", tenant, value=entry.key),
            Scope("source", tenant, source),
            Scope("all", tenant),
            *[Scope("tag", tenant, value=tag) for tag in entry.tags],
        ]
        for scope in plain:
            if latest.get(scope, -1) > since:
                return True
        if self._sources.get((tenant, source), -1) <= since:
            return False
        for scope in reversed(latest):
            if latest[scope] <= since:
                return False
            if (scope.tenant, scope.source) == (tenant, source) and _held(entry.holds, scope):
                return True
        return False


def elapsed() -> float:
    """Return seconds of a clock that nobody sets and that also runs while the machine sleeps."""
    return time.clock_gettime(_CLOCK)


def tenant_of(key: str) -> str:
    """Return the tenant of a key (``v1:{tenant}:{source}:{digest}``); empty for another's key."""
    return key.removeprefix("v1:").rsplit(":", 2)[0]


def ids_of(holds: str) -> list[str]:
    """Return the ids of the records that an entry holds."""
    return list(dict.fromkeys(_IDS.findall(holds)))


def holdings(query: str, records: Iterable[tuple[str, str]]) -> str:
    """Return `Entry.holds` for the answer to *query*, from each record's id and name."""
    lines = [("", query), *records]
    return "\n".join(f"{line(number)}\t{line(name)}" for number, name in lines)


def expression(pattern: str) -> str:
    """Return the regular expression by which *pattern* finds a line of `Entry.holds`.

    ``*`` stands for any text and ``?`` for any character. It means the same to Python and to
    PostgreSQL when ``^`` and ``$`` are told to match at each line.
    """
    return rf"^[^\t\n]*\t{''.join(map(_meaning, pattern))}$"


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(expression(pattern), re.MULTILINE)


def _held(holds: str, scope: Scope) -> bool:
    if scope.kind == "item":
        return f"\n{line(scope.value)}\t" in holds
    return scope.kind == "pattern" and _compiled(scope.value).search(holds) is not None


def _meaning(character: str) -> str:
    if character == "*":
        return r"[^\n]*"
    if character == "?":
        return r"[^\n]"
    plain = character.isalnum() or not character.isascii()
    return character if plain else "\\" + character


def line(text: str) -> str:
    """Return *text* as it stands in a line of `Entry.holds`."""
    # No tab and no end of a line; nor half of a surrogate pair, nor a zero: no database takes them.
    whole = text if text.isascii() else text.encode("utf-8", "replace").decode()
    return " ".join(whole.replace("\0", "").split())
