"""The gate's grounding, measured: what it catches and what it refuses wrongly.

The contrast set is made from the bundled records: summaries in the records' words and
paraphrases of them must pass; each with one dose, unit, number, frequency, population,
negation or drug name changed must not. Labelled pairs that others made are measured as
well where FAITHFULNESS_DATA names their folder.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from adapters.summarizers.base import Brief, Roles
from adapters.summarizers.extractive import Extractive
from bench.changes import CHANGES, converted, paraphrased
from gateway.grounding import Grounds
from gateway.grounding.statements import forget

DATA = Path("data")
VACUOUS = {
    "ko": ("요약을 제공할 수 없습니다.", "요청하신 작업이 완료되었습니다.", "좋은 질문이에요!"),
    "en": ("Simulated success", "The operation was completed.", "Great question, thanks!"),
}
ROLES = {
    "ko": Roles(("efcyQesitm",), ("useMethodQesitm",), ("atpnWarnQesitm", "atpnQesitm")),
    "en": Roles(
        ("indications_and_usage", "purpose"),
        ("dosage_and_administration",),
        ("do_not_use", "warnings", "stop_use", "adverse_reactions"),
    ),
}


def summaries(language: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield a record and its summary in its own words."""
    name = {"ko": "medicine", "en": "drug-label"}[language]
    for line in (DATA / f"{name}.jsonl").read_text("utf-8").splitlines():
        record = json.loads(line)
        brands = record.get("openfda", {}).get("brand_name", [""])
        record["name"] = record.get("itemName") or brands[0]
        brief = Brief(record["name"], (record,), language, roles=ROLES[language])
        draft = asyncio.run(Extractive().summarize(brief))
        if len(draft.text) > 60:
            yield record, draft.text


def contrast(language: str) -> dict[str, tuple[int, int]]:
    """Return for each kind of change how many were made and how many were refused."""
    # The same set each time, whatever is added to the kinds.
    chances = {kind: random.Random(7) for kind in CHANGES}
    tally: dict[str, list[bool]] = defaultdict(list)
    for record, text in summaries(language):
        grounds = Grounds([record])
        said = {"faithful: own words": text, "faithful: paraphrase": paraphrased(text, language)}
        same = converted(text)
        if same is not None:
            said["faithful: conversion"] = same
        said["vacuous"] = VACUOUS[language][len(tally["vacuous"]) % 3]
        for kind, change in CHANGES.items():
            changed = change(text, chances[kind])
            if changed is not None and changed != text:
                said[kind] = changed
        for kind, draft in said.items():
            tally[kind].append(bool(grounds.check(draft)) or not grounds.touches(draft))
    order = sorted(tally, key=lambda kind: (not kind.startswith("faithful"), kind))
    return {kind: (len(tally[kind]), sum(tally[kind])) for kind in order}


def labelled(folder: Path) -> Iterator[tuple[str, int, int, int, int]]:
    """Yield for each set of labelled pairs: name, bad, bad refused, good, good refused."""
    for path in sorted(folder.glob("*.jsonl")):
        counts = {0: [0, 0], 1: [0, 0]}
        for line in path.read_text("utf-8").splitlines():
            row = json.loads(line)
            if "source" not in row:
                continue
            refused = bool(Grounds([{"text": row["source"]}]).check(row["summary"]))
            counts[int(row["label"])][0] += 1
            counts[int(row["label"])][1] += refused
        if any(total for total, _ in counts.values()):
            yield path.stem, counts[0][0], counts[0][1], counts[1][0], counts[1][1]


def speed() -> tuple[float, float, float]:
    """Return milliseconds of CPU to index 20 KB of records, new ones and ones whose sentences
    were read before, and to check 2,000 characters against them.
    """
    pairs = list(summaries("ko"))
    records: list[dict[str, Any]] = []
    text = ""
    for record, summary in pairs:
        if sum(len(json.dumps(r, ensure_ascii=False).encode()) for r in records) < 20_000:
            records.append(record)
            # Paraphrased: a sentence that stands word for word in the records is no work.
            text += paraphrased(summary, "ko") + "\n"
    text = (text * 10)[:2000]
    new = []
    for _ in range(20):
        forget()
        new.append(_milliseconds(lambda: Grounds(records)))
    grounds = Grounds(records)
    known = min(_milliseconds(lambda: Grounds(records)) for _ in range(20))
    return min(new), known, min(_milliseconds(lambda: grounds.check(text)) for _ in range(60))


def _milliseconds(call: Callable[[], object]) -> float:
    started = time.process_time()  # the machine may have others to serve
    call()
    return (time.process_time() - started) * 1000


def run() -> None:
    """Print the tables."""
    for language in ("ko", "en"):
        tally = contrast(language)
        good = [tally[kind] for kind in tally if kind.startswith("faithful")]
        wrong = sum(refused for _, refused in good) / sum(total for total, _ in good)
        print(f"\n{language}: kind of change      cases  refused   recall  precision")
        for kind, (total, refused) in tally.items():
            share = refused / total
            # Precision at equal shares of good and bad: the sets' sizes are ours, not the world's.
            precision = "" if kind.startswith("faithful") else f"{share / (share + wrong):9.1%}"
            print(f"  {kind:<24} {total:5}  {refused:7}  {share:7.1%}  {precision}")
    new, known, check = speed()
    print(f"\nindex 20 KB: {new:.2f} ms, {known:.2f} ms where its sentences were read before;")
    print(f"check 2,000 characters: {check:.2f} ms")
    folder = os.environ.get("FAITHFULNESS_DATA")
    if folder:
        print("\nlabelled pairs           bad  refused     good  refused")
        for name, bad, caught, fine, refused in labelled(Path(folder)):
            found, wrong = caught / max(bad, 1), refused / max(fine, 1)
            print(f"  {name:<20} {bad:5}  {found:7.1%}  {fine:6}  {wrong:7.1%}")


if __name__ == "__main__":
    run()
