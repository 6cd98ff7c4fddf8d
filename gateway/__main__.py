"""The command line: ``python -m gateway serve | check | lookup | popular | keys ...``.

Exit codes: 0 done, 1 some of the work failed, 2 wrong usage or configuration.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.config import ConfigError

DONE, FAILED, WRONG_USAGE = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that *argv* (the process's own) names; return its exit code."""
    options = parser().parse_args(argv)
    command = COMMANDS[options.command]
    try:
        return command(options)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return WRONG_USAGE
    except KeyboardInterrupt:
        return FAILED


def parser() -> argparse.ArgumentParser:
    """Return the grammar of the command line."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--config",
        type=Path,
        default=Path(os.environ.get("LOOKUP_CONFIG") or "config.yaml"),
        metavar="FILE",
        help="default: LOOKUP_CONFIG, else config.yaml",
    )
    top = argparse.ArgumentParser(prog="python -m gateway", description=_first_line(__doc__))
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, what: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, parents=[common], help=what, description=what)

    serve = add("serve", "answer over HTTP until a signal comes")
    serve.add_argument("--host", help="default: server.host")
    serve.add_argument("--port", type=_port, help="default: server.port; 0 takes a free one")
    serve.add_argument("--workers", type=_count, help="processes; default: server.workers")
    add("check", "say whether the configuration is right; ask nobody")
    lookup = add("lookup", "look one thing up and print the answer as JSON")
    lookup.add_argument("source", metavar="SOURCE")
    lookup.add_argument("query", metavar="QUERY")
    lookup.add_argument("--keyword", default="", help="the angle of the summary")
    lookup.add_argument(
        "--param",
        type=_pair,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter that the source declares; may stand more than once",
    )
    sources = add("sources", "say what is configured")
    sources.add_argument("name", nargs="?", metavar="NAME", help="only this source")
    sources.add_argument("--probe", action="store_true", help="ask each, and say what it answers")
    popular = add("popular", "say what is asked most, by all replicas")
    popular.add_argument("--top", type=_count, default=20, metavar="N", help="default: %(default)s")
    popular.add_argument("--source", default="", help="only this source")
    _declare_keys(add("keys", "make, list and revoke API keys"))
    add("schema", "print the JSON schema of the configuration, for editors")
    return top


def _declare_keys(keys: argparse.ArgumentParser) -> None:
    what = keys.add_subparsers(dest="what", required=True, metavar="WHAT")
    create = what.add_parser("create", help="make a key and show it, once")
    create.add_argument("--tenant", required=True, help="under whose name its callers go")
    create.add_argument(
        "--scopes",
        default="search,suggest,stream,batch",
        help="comma-separated, also of invalidate, stats and admin; default: %(default)s",
    )
    create.add_argument("--sources", help="comma-separated; default: all")
    create.add_argument("--rate", default="", help="such as 60/min; default: clients.rate")
    create.add_argument("--days", type=float, help="until it expires; default: never")
    create.add_argument("--note", default="", help="what it is for")
    what.add_parser("list", help="say which keys there are")
    revoke = what.add_parser("revoke", help="make a key invalid, and the tokens that it minted")
    revoke.add_argument("id", metavar="ID")


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
    "keys": _keys,
    "schema": _schema,
}


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port: 0 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is no number from 1")
    return int(text)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text} is not NAME=VALUE")
    return name, value


def _first_line(text: str | None) -> str:
    return (text or "").partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main())
