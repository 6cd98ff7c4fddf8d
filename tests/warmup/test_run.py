"""``python -m warmup`` against an upstream of its own: what it loads, what it costs, and when
it is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.assembly import open_gateway
from tests.gateway.warming.world import ask, asked, asking, configured
from tests.stub_upstream import Reply, StubUpstream
from warmup.__main__ import main, perform
from warmup.options import parser

ROOT = Path(__file__).resolve().parents[2]


class Command:
    """The command."""

    def __init__(self, folder: Path, printed: pytest.CaptureFixture[str]) -> None:
        self._folder = folder
        self._printed = printed

    async def start(self, *argv: object) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "warmup", "--config", str(self._folder / "config.yaml"), *map(str, argv)),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | {"LOG_LEVEL": "warning"},
        )

    async def __call__(self, *argv: object) -> tuple[int, str, str]:
        """Do the same within the test's process, which needs not begin with its imports."""
        line = ("--config", str(self._folder / "config.yaml"), *map(str, argv))
        code = await perform(parser("").parse_args(line))
        out, err = self._printed.readouterr()
        return code, out, err


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, capsys)


async def test_the_price_is_told_first_and_the_budget_holds(
    tmp_path: Path, upstream: StubUpstream, command: Command
) -> None:
    configured(tmp_path, upstream)
    file = tmp_path / "names.jsonl"
    file.write_text('"a"\n{"q": "b"}\n"c"\n')
    code, out, _ = await command("--from", file, "--dry-run")
    assert (code, out.splitlines()[-1]) == (0, "3 calls to make; 0 fresh already; $0.0300")
    assert upstream.calls == []
    code, out, err = await command("--from", file, "--budget", "0.02", "--json")
    told = orjson.loads(out)
    assert (code, told["done"], told["left"], told["spent_usd"]) == (1, 2, 1, 0.02)
    assert told["failures"][0]["why"] == "the budget of $0.02 has no room for it"
    code, out, err = await command("--from", file)
    assert "loaded 1, fresh already 2, failed 0; 1 calls, $0.0100" in out
    assert err.splitlines()[-1].startswith("1/1 ")
    assert (code, asked(upstream)) == (0, ["a", "b", "c"])


async def test_what_is_asked_most_is_loaded(
    tmp_path: Path, upstream: StubUpstream, command: Command
) -> None:
    config = configured(tmp_path, upstream)
    async with open_gateway(config) as gateway:
        await ask(gateway, "a", "b", "c", "b", "c", "c")
        await gateway.tiers.drop([asking(gateway, q).key for q in "abc"])
    upstream.calls.clear()
    code, out, _ = await command("--top", 2)
    assert (code, out.startswith("loaded 2, ")) == (0, True)
    assert asked(upstream) == ["b", "c"]


async def test_an_upstream_that_has_pages_is_listed_to_the_last(
    tmp_path: Path, upstream: StubUpstream, command: Command
) -> None:
    request: dict[str, Any] = {
        "url": f"{upstream.url}/find",
        "params": {"q": "{q}", "page": "{page}"},
        "pages": {"size": 2, "max": 1},
        "allow_private": True,
    }
    configured(tmp_path, upstream, request=request)
    names = [["Aspirin", "Codeine"], ["Ibuprofen", "x" * 300], ["Naproxen"]]
    pages = [[{"id": name[:9], "name": name} for name in page] for page in names]
    upstream.script(*(Reply(body=orjson.dumps({"total": 5, "items": page})) for page in pages))
    code, out, err = await command("--listing", "s")
    assert (code, out.startswith("loaded 4, ")) == (0, True), err
    assert "s: 1 names cannot be asked for" in err
    listing, loaded = upstream.calls[:3], upstream.calls[3:]
    assert [call.query.get("q") for call in listing] == [None] * 3
    assert sorted(call.query["q"] for call in loaded) == [
        "aspirin",
        "codeine",
        "ibuprofen",
        "naproxen",
    ]


async def test_a_run_that_is_killed_is_taken_up_again_without_paying_twice(
    tmp_path: Path, upstream: StubUpstream, command: Command
) -> None:
    configured(tmp_path, upstream)
    names = [f"name {number:02}" for number in range(40)]
    (tmp_path / "names.txt").write_text("\n".join(names))
    upstream.script(*[Reply(echo=True)] * 15)
    upstream.default = Reply(echo=True, delay=60)
    process = await command.start("--from", tmp_path / "names.txt")
    async with asyncio.timeout(100):
        await upstream.arrived(19)  # four are in the air, and stay there
        config = configured(tmp_path, upstream)
        async with open_gateway(config) as gateway:
            lookups = [asking(gateway, name).key for name in names]
            while len(await gateway.survey.find(lookups)) < 15:
                await asyncio.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    answered = Counter(call.query["q"] for call in upstream.calls[:15])
    del upstream.calls[:]
    upstream.default = Reply(echo=True)
    code, out, err = await command("--from", tmp_path / "names.txt")
    assert code == 0, err
    assert out.startswith("loaded 25, fresh already 15, failed 0")
    answered.update(call.query["q"] for call in upstream.calls)
    assert answered == Counter(names)


async def test_what_is_kept_nowhere_is_not_asked_twice_where_there_is_a_state(
    tmp_path: Path, upstream: StubUpstream, command: Command
) -> None:
    configured(tmp_path, upstream, terms={"store": "memory_only"})
    (tmp_path / "names.txt").write_text("a\nb\n")
    arguments = ("--from", tmp_path / "names.txt", "--state", tmp_path / "state")
    assert (await command(*arguments))[1].startswith("loaded 2, fresh already 0")
    (tmp_path / "names.txt").write_text("a\nb\nc\n")
    assert (await command(*arguments))[1].startswith("loaded 1, fresh already 2")
    assert asked(upstream) == ["a", "b", "c"]


async def test_an_interrupted_run_says_what_it_has_done(
    tmp_path: Path, upstream: StubUpstream, command: Command
) -> None:
    configured(tmp_path, upstream)
    (tmp_path / "names.txt").write_text("\n".join("abcdef"))
    upstream.script(*[Reply(echo=True)] * 2)
    upstream.default = Reply(echo=True, delay=0.5)
    process = await command.start("--from", tmp_path / "names.txt", "--concurrency", 1)
    async with asyncio.timeout(100):
        await upstream.arrived(3)
        process.send_signal(signal.SIGTERM)
        out, err = await process.communicate()
    assert process.returncode == 1
    assert "interrupted; what was loaded is kept" in err.decode()
    assert out.decode().startswith("loaded 2, fresh already 0, failed 0, left 4")


@pytest.mark.parametrize(
    "argv", [("--top", "0"), ("--budget", "-1"), ("--budget", "all"), ("--concurrency", "0")]
)
def test_what_is_no_number_is_wrong_usage(argv: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
