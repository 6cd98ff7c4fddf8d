"""The command line: ``python -m gateway serve | check | lookup | popular | keys ...``.

Exit codes: 0 done, 1 some of the work failed, 2 wrong usage or configuration.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from gateway.commands.grammar import parser
from gateway.config import ConfigError

DONE, FAILED, WRONG_USAGE = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that *argv* (the process's own) names; return its exit code."""
    options = parser((__doc__ or "").partition("\n")[0]).parse_args(argv)
    command = COMMANDS[options.command]
    try:
        return command(options)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return WRONG_USAGE
    except KeyboardInterrupt:
        return FAILED


def _serve(options: argparse.Namespace) -> int:
    from gateway.commands.serve import run  # noqa: PLC0415 - each command imports its own

    return run(options)


def _check(options: argparse.Namespace) -> int:
    from gateway.commands.check import run  # noqa: PLC0415

    return run(options)


def _lookup(options: argparse.Namespace) -> int:
    from gateway.commands.lookup import run  # noqa: PLC0415

    return run(options)


def _sources(options: argparse.Namespace) -> int:
    from gateway.commands.sources import run  # noqa: PLC0415

    return run(options)


def _popular(options: argparse.Namespace) -> int:
    from gateway.commands.popular import run  # noqa: PLC0415

    return run(options)


def _worker(options: argparse.Namespace) -> int:
    from gateway.commands.worker import run  # noqa: PLC0415

    return run(options)


def _keys(options: argparse.Namespace) -> int:
    from gateway.commands.keys import run  # noqa: PLC0415

    return run(options)


def _schema(options: argparse.Namespace) -> int:
    from gateway.config.schema import schema  # noqa: PLC0415

    del options
    sys.stdout.write(schema())
    return DONE


COMMANDS = {
    "serve": _serve,
    "check": _check,
    "lookup": _lookup,
    "sources": _sources,
    "popular": _popular,
    "worker": _worker,
    "keys": _keys,
    "schema": _schema,
}


if __name__ == "__main__":
    sys.exit(main())
