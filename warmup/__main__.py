"""``python -m warmup``: load lookups before anyone asks: lists, files, listings, what is popular.

Exit codes: 0 done, 1 some of the work failed or is left, 2 wrong usage or configuration.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from adapters.llm.batched import BatchRun
from gateway.assembly import open_gateway
from gateway.config import ConfigError, load_config
from gateway.events import BatchSubmitted, Event
from gateway.parameters import BadLookupError
from storage.tier import TierError
from warmup.choice import CannotListError
from warmup.options import parser
from warmup.run import Run
from warmup.summary import show

DONE, SOME_FAILED, WRONG_USAGE = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = parser((__doc__ or "").partition("\n")[0]).parse_args(argv)
    try:
        return asyncio.run(perform(options))
    except (ConfigError, BadLookupError) as error:
        print(error, file=sys.stderr)
        return WRONG_USAGE
    except OSError as error:
        print(f"{error.filename}: {error.strerror}" if error.filename else error, file=sys.stderr)
        return WRONG_USAGE
    except (TierError, CannotListError) as error:
        print(error, file=sys.stderr)
        return SOME_FAILED
    except KeyboardInterrupt:
        print("interrupted; what was loaded is kept", file=sys.stderr)
        return SOME_FAILED


async def perform(options: argparse.Namespace) -> int:
    """Do what *options* name; return the exit code. Raise what `main` makes messages of."""
    config = load_config(Path(options.config), os.environ)
    batched = bool(options.batch or options.resume)
    batch = BatchRun(resume=tuple(options.resume)) if batched else None
    async with open_gateway(config, batch=batch) as gateway:
        gateway.events.subscribe(_tell_batch)
        run = Run(gateway, options, batched=batched)
        if options.dry_run:
            await run.tell()
            return DONE
        work = asyncio.current_task()
        assert work is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
        outcome = await run.load()
    show(outcome, as_json=options.json)
    return DONE if outcome.whole else SOME_FAILED


def _tell_batch(event: Event) -> None:
    if isinstance(event, BatchSubmitted):
        again = f"--resume {event.batch} waits for it again"
        print(f"{event.summaries} summaries asked for; {again}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
