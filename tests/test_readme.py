"""The README does what it says: its commands, its example, its tests."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from gateway.assembly import open_gateway
from gateway.commands.grammar import parser
from gateway.config import load_config
from tests.serving import served
from warmup.options import parser as warmup

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
COMMANDS = [
    line.partition("   #")[0]
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
]
CURLS = [line for line in COMMANDS if line.startswith("curl ")]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    env = {"DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'readme.db'}"}
    config = load_config(ROOT / "config.yaml", env)
    async with open_gateway(config) as gateway, served(gateway) as session:
        yield session


async def curl(client: aiohttp.ClientSession, line: str) -> str:
    """Ask what *line* asks: its URL, with each ``-d`` and ``--data-urlencode`` in the query."""
    grammar = argparse.ArgumentParser()
    grammar.add_argument("url")
    grammar.add_argument("-G", "--get", action="store_true")
    grammar.add_argument("-d", "--data-urlencode", action="append", default=[])
    options = grammar.parse_args(shlex.split(line)[1:])
    assert options.get or not options.data_urlencode
    address, _, path = options.url.partition("/")
    assert address == "localhost:8080"
    query = dict(pair.split("=", 1) for pair in options.data_urlencode)
    plain = {"Accept-Encoding": "identity"}  # as curl asks without --compressed
    async with client.get(f"/{path}", params=query, headers=plain) as response:
        assert response.status == 200, line
        return await response.text()


@pytest.mark.parametrize("line", CURLS)
async def test_a_curl_line_works_as_written(client: aiohttp.ClientSession, line: str) -> None:
    assert await curl(client, line)


async def test_the_example_is_what_really_comes(client: aiohttp.ClientSession) -> None:
    answer = await curl(client, CURLS[0])
    for piece in (
        '"items":[{"id":"202005623","name":"어린이타이레놀산160밀리그램(아세트아미노펜)","maker":"켄뷰코리아판매유한회사"}]',
        '"source":"medicine","query":"타이레놀","keyword":null,"total":1',
        '"by":"extractive"',
    ):
        assert piece in answer
        assert piece in README


def test_every_command_is_one_that_there_is() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for line in COMMANDS:
        words = shlex.split(line)
        if words[0] == "make":
            assert words[1] in targets
        elif words[:3] == [".venv/bin/python", "-m", "gateway"]:
            parser().parse_args(words[3:])
        else:
            assert words[0] == "curl" or words[:3] == [".venv/bin/python", "-m", "warmup"]


def test_every_command_of_the_docs_is_one_that_there_is() -> None:
    grammars = {"gateway": parser(), "warmup": warmup("")}
    lines = [
        line
        for file in (ROOT / "docs").glob("*.md")
        for line in re.findall(
            r"^ *\.venv/bin/python -m (\w+)([^#\n]*)", file.read_text(), re.MULTILINE
        )
    ]
    assert len(lines) >= 12
    for module, arguments in lines:
        if module in grammars:
            grammars[module].parse_args(shlex.split(arguments))


def test_every_promise_names_a_test_that_there_is() -> None:
    promised = re.findall(r"\| `(tests/[\w/]+\.py)(?:::(test_\w+))?` \|", README)
    assert len(promised) >= 12
    for path, name in promised:
        assert f"def {name or 'test_'}" in (ROOT / path).read_text(), (path, name)


def test_every_file_that_is_named_is_there() -> None:
    named = re.compile(r"`((?:\w[\w-]*/)+[\w.*-]*)(?:::(\w+))?`")
    folders = {each.name for each in ROOT.iterdir()}
    found = [
        (file.name, *match)
        for file in (ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md"))
        for match in named.findall(file.read_text())
        if match[0].partition("/")[0] in folders or match[0].endswith((".py", ".md", ".yaml"))
    ]
    assert len(found) >= 100
    for page, path, name in found:
        there = sorted(ROOT.glob(path))
        assert there, (page, path)
        assert f"def {name}" in there[0].read_text() if name else True, (page, path, name)


def test_every_link_leads_somewhere() -> None:
    for file in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#]+)\)", file.read_text()):
            assert link.startswith("http") or (file.parent / link).exists(), (file.name, link)
