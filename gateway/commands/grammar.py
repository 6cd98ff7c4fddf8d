"""What each command takes; nothing is imported that a command itself needs."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

_LONGEST = 36_500
"""Days that a key may live, where it is to end at all."""


def parser(about: str = "") -> argparse.ArgumentParser:
    """Return the grammar; *about* says what the whole is."""
    common = _common(
        argparse.SUPPRESS
    )  # a subcommand's own default would undo what stood before it
    file = _common(Path(os.environ.get("LOOKUP_CONFIG") or "config.yaml"))
    top = argparse.ArgumentParser(prog="python -m gateway", description=about, parents=[file])
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, what: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, parents=[common], help=what, description=what)

    _declare_serve(add("serve", "answer over HTTP until a signal comes"))
    add("check", "say whether the configuration is right; ask nobody")
    _declare_lookup(add("lookup", "look one thing up and print the answer as JSON"))
    sources = add("sources", "say what is configured")
    sources.add_argument("name", nargs="?", metavar="NAME", help="only this source")
    sources.add_argument("--probe", action="store_true", help="ask each, and say what it answers")
    popular = add("popular", "say what is asked most, by all replicas")
    popular.add_argument("--top", type=_count, default=20, metavar="N", help="default: %(default)s")
    popular.add_argument("--source", default="", help="only this source")
    worker = add("worker", "do the batches that servers were asked for, over their PostgreSQL")
    worker.add_argument(
        "--concurrency", type=_count, default=4, metavar="N", help="jobs at a time; default: 4"
    )
    _declare_keys(add("keys", "make, list and revoke API keys"), common)
    add("schema", "print the JSON schema of the configuration, for editors")
    return top


def _common(default: Path | str) -> argparse.ArgumentParser:
    """Return what may stand before a command and after it."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--config",
        type=Path,
        default=default,
        metavar="FILE",
        help="default: LOOKUP_CONFIG, else config.yaml",
    )
    return common


def _declare_serve(serve: argparse.ArgumentParser) -> None:
    serve.add_argument("--host", help="default: server.host")
    serve.add_argument("--port", type=_port, help="default: server.port; 0 takes a free one")
    serve.add_argument("--workers", type=_count, help="processes; default: server.workers")


def _declare_lookup(lookup: argparse.ArgumentParser) -> None:
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


def _declare_keys(keys: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    what = keys.add_subparsers(dest="what", required=True, metavar="WHAT")
    create = what.add_parser("create", parents=[common], help="make a key and show it, once")
    create.add_argument("--tenant", required=True, help="under whose name its callers go")
    create.add_argument(
        "--scopes",
        default="search,suggest,stream,batch",
        help="comma-separated, also of invalidate, stats and admin; default: %(default)s",
    )
    create.add_argument("--sources", help="comma-separated; default: all")
    create.add_argument("--rate", default="", help="such as 60/min; default: clients.rate")
    create.add_argument("--days", type=_days, help="until it expires; default: never")
    create.add_argument("--note", default="", help="what it is for")
    what.add_parser("list", parents=[common], help="say which keys there are")
    revoke = what.add_parser(
        "revoke",
        parents=[common],
        help="make a key invalid, and the tokens that it minted",
    )
    revoke.add_argument("id", metavar="ID")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port: 0 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is no number from 1")
    return int(text)


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = 0.0
    if not 0 < days <= _LONGEST:
        raise argparse.ArgumentTypeError(f"{text} is no number of days, up to {_LONGEST}")
    return days


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text} is not NAME=VALUE")
    return name, value
