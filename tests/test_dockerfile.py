"""The image is built from what is locked, runs as nobody, and says whether it is alive."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.commands.grammar import parser
from gateway.config import load_config
from tests.stub_upstream import Reply, StubUpstream

ROOT = Path(__file__).resolve().parents[1]


def instructions() -> list[tuple[str, str]]:
    """Return the instructions with their arguments, continued lines joined."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


def last(name: str) -> str:
    return [argument for each, argument in instructions() if each == name][-1]


def test_it_does_not_run_as_root() -> None:
    user = last("USER").partition(":")[0]
    assert user.isdigit()
    assert int(user) > 0
    names = [name for name, _ in instructions()]
    assert names.index("USER") > max(n for n, name in enumerate(names) if name in ("RUN", "COPY"))


def test_every_base_image_has_a_version() -> None:
    bases = [argument.split()[0] for name, argument in instructions() if name == "FROM"]
    assert bases == ["${PYTHON}", "${COMPILER}", "${PYTHON}"]
    tags = [argument.partition(":")[2] for name, argument in instructions() if name == "ARG"]
    # Compiled for one version, it is loaded by no other.
    python, compiler = (re.match(r"3\.1[1-9]", tag) for tag in tags)
    assert python
    assert compiler
    assert python[0] == compiler[0]
    assert not any("latest" in tag for tag in tags)


def test_it_installs_only_what_is_locked() -> None:
    installs = [argument for name, argument in instructions() if "pip install" in argument]
    assert len(installs) == 2
    assert all("--require-hashes" in install for install in installs)
    assert "index-url" not in (ROOT / "Dockerfile").read_text()


def test_everything_that_it_copies_is_there_and_not_ignored() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    copied = [
        source
        for name, argument in instructions()
        if name == "COPY" and "--from" not in argument
        for source in argument.split()[:-1]
    ]
    assert set(copied) == allowed
    assert [source for source in copied if not (ROOT / source).exists()] == []


def test_it_starts_the_server() -> None:
    entry, command = json.loads(last("ENTRYPOINT")), json.loads(last("CMD"))
    assert entry == ["python", "-m", "gateway"]
    assert parser().parse_args(command).command == "serve"


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
async def test_the_health_check_fails_when_the_gateway_does(status: int, code: int) -> None:
    check = next(argument for name, argument in instructions() if name == "HEALTHCHECK")
    _, *arguments = json.loads(check.partition("CMD ")[2])
    async with StubUpstream(Reply(status=status)) as server:
        env = {**os.environ, "LOOKUP_PORT": server.url.rpartition(":")[2]}
        assert await _exit_code([sys.executable, *arguments], env) == code
        assert server.calls[0].path == "/healthz"


async def _exit_code(command: list[str], env: dict[str, str]) -> int:
    process = await asyncio.create_subprocess_exec(*command, env=env, stderr=subprocess.DEVNULL)
    return await process.wait()


def test_it_listens_on_every_address_of_its_container_where_the_health_check_asks() -> None:
    env = dict(
        re.findall(r"(\w+)=(\S+)", " ".join(a for name, a in instructions() if name == "ENV"))
    )
    server = load_config(ROOT / "config.yaml", env).server
    assert (server.host, server.port) == ("0.0.0.0", int(last("EXPOSE")))
