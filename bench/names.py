"""Suggestions out of 100,000 names: how long they take, and whether they miss any."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from storage.database import DatabaseTier, open_database
from storage.name_index import NameIndex
from storage.names import fold, initials
from tests.servers.postgres import postgres

NAMES = 100_000
QUERIES = 300
DATA = Path(__file__).parents[1] / "data"
SOURCE = "medicine"


def names(count: int, chance: random.Random) -> list[str]:
    """Return names made of the pieces of real ones, so that parts are as common as in these."""
    real = [json.loads(line)["itemName"] for line in (DATA / "medicine.jsonl").open()]
    syllables = re.findall(r"[가-힣]{2,3}", " ".join(real))
    english = re.findall(r"[A-Z]?[a-z]{3,9}", (DATA / "drug-label.jsonl").read_text())[:20_000]
    made = list(real)
    while len(made) < count:
        if chance.random() < 0.7:
            made.append("".join(chance.choices(syllables, k=chance.randint(2, 4))) + "정")
        else:
            made.append(" ".join(chance.choices(english, k=chance.randint(1, 3))).title())
    return made[:count]


def _part(name: str, size: int, chance: random.Random) -> str:
    folded = fold(name)
    start = chance.randrange(max(1, len(folded) - size + 1))
    return folded[start : start + size]


def _mistyped(name: str, size: int, chance: random.Random) -> str:
    part = _part(name, size, chance)
    place = chance.randrange(len(part))
    other = chr(ord(part[place]) + chance.choice([1, 28]))
    return part[:place] + other + part[place + 1 :]


def _kinds(
    korean: list[str], english: list[str], chance: random.Random
) -> dict[str, Callable[[], str]]:
    def some(names: list[str]) -> str:
        return chance.choice(names)

    return {
        "one syllable": lambda: _part(some(korean), 1, chance),
        "two syllables": lambda: _part(some(korean), 2, chance),
        "three syllables": lambda: _part(some(korean), 3, chance),
        "five syllables": lambda: _part(some(korean), 5, chance),
        "initials of four": lambda: initials(_part(some(korean), 4, chance)),
        "three letters": lambda: _part(some(english), 3, chance),
        "six letters": lambda: _part(some(english), 6, chance),
        "four syllables, one wrong": lambda: _mistyped(some(korean), 4, chance),
        "eight letters, one wrong": lambda: _mistyped(some(english), 8, chance),
        "fourteen letters, one wrong": lambda: _mistyped(some(english), 14, chance),
    }


@asynccontextmanager
async def _sqlite() -> AsyncIterator[DatabaseTier]:
    with tempfile.TemporaryDirectory() as folder:
        yield await open_database(f"sqlite+aiosqlite:///{Path(folder) / 'names.db'}")


@asynccontextmanager
async def _postgresql() -> AsyncIterator[DatabaseTier]:
    with postgres() as server:
        yield await open_database(await server.new_database())


async def _measure(*, on_server: bool) -> None:
    chance = random.Random(7)
    made = names(NAMES, chance)
    folded = [fold(name) for name in made]
    korean = [name for name in made if re.search("[가-힣]{3}", name)]
    english = [name for name in made if re.fullmatch("[A-Za-z ]{8,}", name)]
    async with _postgresql() if on_server else _sqlite() as database:
        index = database.names
        begun = time.perf_counter()
        await index.remember(SOURCE, [(str(n), name) for n, name in enumerate(made)])
        print(f"{NAMES} names indexed in {time.perf_counter() - begun:.1f} s")
        if on_server:
            await database.database.change("VACUUM ANALYZE items")  # as autovacuum does in time
        print(f"{'part':<30}{'median ms':>10}{'p95 ms':>10}{'answered':>10}")
        for kind, make in _kinds(korean, english, chance).items():
            await _kind(index, kind, [make() for _ in range(QUERIES)])
        await _recall(index, folded, chance)
        await database.close()


async def _kind(index: NameIndex, kind: str, queries: list[str]) -> None:
    times, answered = [], 0
    for query in queries:
        begun = time.perf_counter()
        answered += bool(await index.suggest(SOURCE, query, 10))
        times.append((time.perf_counter() - begun) * 1e3)
    p95 = statistics.quantiles(times, n=20)[-1]
    print(
        f"{kind:<30}{statistics.median(times):>10.2f}{p95:>10.2f}{answered / len(queries):>10.0%}"
    )


async def _recall(index: NameIndex, folded: list[str], chance: random.Random) -> None:
    missed = seen = 0
    for size in (1, 2, 3, 4, 6):
        for _ in range(4):
            part = _part(chance.choice(folded), size, chance)
            scanned = {str(number) for number, name in enumerate(folded) if part in name}
            found = await index.suggest(SOURCE, part, len(scanned))
            missed += len(scanned - {suggestion.id for suggestion in found})
            seen += len(scanned)
    print(f"recall against a scan: {1 - missed / seen:.2%} of {seen}")


def main(arguments: Sequence[str] = ()) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench names", description=__doc__)
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL, else on SQLite")
    asyncio.run(_measure(on_server=parser.parse_args(arguments).postgres))
    return 0
