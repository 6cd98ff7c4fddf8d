"""``python -m warmup``: load the lookups that sources name under ``warm:``, or those of a file."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from adapters.llm.batched import BatchRun
from gateway.assembly import Gateway, open_gateway
from gateway.config import ConfigError, load_config
from gateway.events import BatchSubmitted, Event
from gateway.lookup import Lookup
from gateway.parameters import BadLookupError
from gateway.precompute import precompute
from gateway.warming import Report, Warmed, warm
from storage.tier import TierError
from warmup.plan import planned

DONE, SOME_FAILED, WRONG_USAGE = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(argv)
    try:
        return asyncio.run(_run(options))
    except (ConfigError, BadLookupError, OSError) as error:
        print(error, file=sys.stderr)
        return WRONG_USAGE
    except TierError as error:
        print(error, file=sys.stderr)
        return SOME_FAILED
    except KeyboardInterrupt:
        print("interrupted; what was loaded is kept", file=sys.stderr)
        return SOME_FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m warmup", description=__doc__)
    parser.add_argument("--config", default=os.environ.get("LOOKUP_CONFIG", "config.yaml"))
    parser.add_argument("--source", action="append", default=[], help="only this source")
    parser.add_argument("--from", dest="file", type=Path, help="a text file, one query a line")
    parser.add_argument("--dry-run", action="store_true", help="say what would be asked")
    parser.add_argument(
        "--batch",
        action="store_true",
        help="have summaries written by the provider's batch endpoint: cheaper, within a day",
    )
    parser.add_argument(
        "--resume",
        action="append",
        default=[],
        metavar="BATCH",
        help="wait for a batch that was submitted before; implies --batch",
    )
    parser.add_argument("--concurrency", type=_positive, default=4)
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


async def _run(options: argparse.Namespace) -> int:
    config = load_config(Path(options.config), os.environ)
    batched = options.batch or options.resume
    batch = BatchRun(resume=tuple(options.resume)) if batched else None
    async with open_gateway(config, batch=batch) as gateway:
        gateway.events.subscribe(_tell_batch)
        lookups = planned(gateway.routes, options.source, options.file)
        if options.dry_run:
            return await _dry_run(gateway, lookups)
        progress = _Progress(len(lookups))
        load = partial(warm, gateway.resolver) if batch is None else partial(precompute, gateway)
        report = await load(lookups, concurrency=options.concurrency, progress=progress.tell)
    _print_report(report)
    return SOME_FAILED if report.count("failed") else DONE


async def _dry_run(gateway: Gateway, lookups: Sequence[Lookup]) -> int:
    due = [lookup for lookup in lookups if not await gateway.resolver.is_fresh(lookup)]
    for lookup in due:
        print(f"{lookup.source}: {lookup.text}")
    print(f"{len(due)} calls to make; {len(lookups) - len(due)} fresh already")
    return DONE


def _tell_batch(event: Event) -> None:
    if isinstance(event, BatchSubmitted):
        again = f"--resume {event.batch} waits for it again"
        print(f"{event.summaries} summaries asked for; {again}", file=sys.stderr)


class _Progress:
    """A line a lookup at a terminal's foot, or nothing where nobody looks."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0

    def tell(self, warmed: Warmed) -> None:
        """Show how far the run is."""
        self._done += 1
        if sys.stderr.isatty():
            end = "\n" if self._done == self._total else ""
            line = f"{self._done}/{self._total} {warmed.lookup.source}: {warmed.lookup.text}"
            print(f"\r\033[K{line}", end=end, file=sys.stderr, flush=True)


def _print_report(report: Report) -> None:
    for result in report.results:
        if result.why:
            lookup = result.lookup
            print(f"{result.status}: {lookup.source}: {lookup.text}: {result.why}", file=sys.stderr)
    counts = (report.count("done"), report.count("skipped"), report.count("failed"))
    print("loaded {}, fresh already {}, failed {}".format(*counts))


if __name__ == "__main__":
    sys.exit(main())
