"""The grammar of ``python -m warmup``."""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path


def parser(description: str) -> argparse.ArgumentParser:
    """Return it."""
    grammar = argparse.ArgumentParser(prog="python -m warmup", description=description)
    grammar.add_argument("--config", default=os.environ.get("LOOKUP_CONFIG") or "config.yaml")
    grammar.add_argument("--source", action="append", default=[], help="only this source")
    grammar.add_argument("--tenant", default="", help="whose answers; default: everybody's")
    what = grammar.add_argument_group("what is loaded; without any, the sources' warm lists")
    what.add_argument(
        "--from",
        dest="file",
        type=Path,
        metavar="FILE",
        help="text (a query a line), .csv (with q and others as columns) or .jsonl",
    )
    what.add_argument("--top", type=_positive, metavar="N", help="the N that are asked most")
    what.add_argument(
        "--listing",
        action="append",
        default=[],
        metavar="SOURCE",
        help="every record that it has, by its name",
    )
    how = grammar.add_argument_group("how")
    how.add_argument("--dry-run", action="store_true", help="say what it would be, and its price")
    how.add_argument("--budget", type=_dollars, metavar="USD", help="spend no more than that")
    how.add_argument("--concurrency", type=_positive, default=4)
    how.add_argument("--now", action="store_true", help="do not wait for warmup.window")
    how.add_argument(
        "--state", type=Path, metavar="FILE", help="note what is done; the next run goes on there"
    )
    how.add_argument("--json", action="store_true", help="the report as JSON")
    _declare_batches(grammar)
    return grammar


def _declare_batches(grammar: argparse.ArgumentParser) -> None:
    batches = grammar.add_argument_group("the provider's batch endpoint: cheaper, within a day")
    batches.add_argument("--batch", action="store_true", help="have summaries written by it")
    batches.add_argument(
        "--resume",
        action="append",
        default=[],
        metavar="BATCH",
        help="wait for a batch that was submitted before; implies --batch",
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return int(text)


def _dollars(text: str) -> float:
    try:
        amount = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is no amount") from error
    if not 0 <= amount < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no amount")
    return amount
