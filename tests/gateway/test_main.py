"""The command line from outside: what it prints, and its exit codes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import orjson
import pytest

from gateway.__main__ import main
from tests.own_logs import logs_as_before

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
database: {url: "sqlite+aiosqlite:///%s/lookup.db"}
sources:
  plants:
    description: plants by name
    adapter: dataset
    dataset: {path: plants.jsonl, id: id, fields: {name: name, use: use}}
    terms: {attribution: A herbal, license: CC0-1.0}
    warm: [mint]
  animals:
    request: {url: "https://example.org/{q}", auth: {name: key, key: "${KEY:-}"}}
    response: {fields: {name: name}}
    without_key: {path: plants.jsonl, id: id, fields: {name: name}}
"""


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """A command sends every log line of its process to standard error, which is the test's own."""
    with logs_as_before():
        yield


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "plants.jsonl").write_text('{"id": "1", "name": "Mint", "use": "It is for tea."}\n')
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG % tmp_path)
    return path


@pytest.fixture
def run(file: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    monkeypatch.setenv("LOOKUP_CONFIG", str(file))
    return lambda *argv: main(argv)


Run = Callable[..., int]
Captured = pytest.CaptureFixture[str]


def test_check_says_that_a_file_is_right(run: Run, capsys: Captured) -> None:
    assert run("check") == 0
    assert capsys.readouterr().out.endswith("is right: 2 sources (plants, animals)\n")


def test_check_tells_each_fault_in_a_line_and_ends_with_2(
    run: Run, file: Path, capsys: Captured
) -> None:
    file.write_text(file.read_text() + "server: {port: x}\nmemori: {}\n")
    assert run("check") == 2
    assert capsys.readouterr().err.splitlines() == [
        'server.port: "x": expected a whole number',
        "memori: unknown key; did you mean memory?",
    ]


def test_check_compiles_what_an_upstream_would_need_although_there_is_no_key_for_it(
    run: Run, file: Path, capsys: Captured
) -> None:
    file.write_text(file.read_text().replace("fields: {name: name}}\n    w", "total: 'a['}\n    w"))
    assert run("check") == 2
    assert capsys.readouterr().err.startswith("sources.animals.response.total: ")


def test_check_misses_a_stand_in_that_is_not_there_although_there_is_a_key(
    run: Run, file: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "k")
    text = file.read_text()
    file.write_text(text.replace("without_key: {path: plants", "without_key: {path: gone"))
    assert run("check") == 2
    assert capsys.readouterr().err.startswith("sources.animals.without_key.path: there is no file")


def test_lookup_prints_the_answer_as_json(run: Run, capsys: Captured) -> None:
    assert run("lookup", "plants", "MINT", "--keyword", "tea") == 0
    answer = orjson.loads(capsys.readouterr().out)
    assert (answer["query"], answer["keyword"], answer["total"]) == ("mint", "tea", 1)
    assert answer["items"][0]["use"] == "It is for tea."
    assert answer["attribution"]["text"] == "A herbal"


def test_popular_prints_what_is_asked_most(run: Run, capsys: Captured) -> None:
    for query in ("mint", "sage", "mint"):
        assert run("lookup", "plants", query, "--keyword", "tea") == 0
    capsys.readouterr()
    assert run("popular", "--top", "1", "--source", "plants") == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head.split() == ["of", "late", "a", "day", "lookup"]
    assert line.split()[0] == "2.0"
    assert line.endswith("plants: mint (keyword=tea, lang=en)")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("popular", "--source", "minerals"), "no source 'minerals'; there is "),
        (("lookup", "plant", "mint"), "source: no source 'plant'; there is plants"),
        (("lookup", "plants", " "), "q: "),
        (("lookup", "plants", "mint", "--param", "a=b"), "a: "),
        (("sources", "minerals"), "no source 'minerals'; there is "),
        (
            ("keys", "create", "--tenant", "app", "--sources", "plants,animls"),
            "no source 'animls'; there is plants, animals",
        ),
        (("keys", "create", "--tenant", "app", "--sources", ""), "no source ''; there is plants"),
        (("check", "--config", "/nowhere.yaml"), "/nowhere.yaml cannot be read: "),
    ],
)
def test_wrong_usage_is_said_in_a_line_and_ends_with_2(
    run: Run, capsys: Captured, argv: tuple[str, ...], said: str
) -> None:
    assert run(*argv) == 2
    assert capsys.readouterr().err.startswith(said)


@pytest.mark.parametrize(
    "argv",
    [
        (),
        ("serv",),
        ("lookup", "plants"),
        ("lookup", "plants", "mint", "--param", "nothing"),
        ("serve", "--port", "70000"),
        ("popular", "--top", "0"),
        ("keys", "create", "--tenant", "app", "--days", "-1"),
        ("keys", "create", "--tenant", "app", "--days", "nan"),
        ("keys", "create", "--tenant", "app", "--days", "1e12"),
    ],
)
def test_what_is_no_command_ends_with_2(run: Run, argv: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*argv)
    assert ended.value.code == 2


@pytest.mark.parametrize(
    "argv",
    [("--config", "FILE", "check"), ("check", "--config", "FILE")],
    ids=["before the command", "after it"],
)
def test_the_file_may_be_named_before_the_command_and_after_it(
    file: Path, capsys: Captured, argv: tuple[str, ...]
) -> None:
    assert main([str(file) if word == "FILE" else word for word in argv]) == 0
    assert capsys.readouterr().out.startswith(f"{file} is right: ")


def test_the_file_may_be_named_last_of_the_words_about_keys(file: Path, capsys: Captured) -> None:
    assert main(["keys", "list", "--config", str(file)]) == 0
    assert capsys.readouterr().out.startswith("There are no keys.")


def test_sources_tells_what_is_configured_and_probes_it(run: Run, capsys: Captured) -> None:
    assert run("sources", "--probe") == 0
    told = capsys.readouterr().out
    assert "plants by name" in told
    assert "fresh for    1d; no match 10m" in told
    assert "mint: 1 record in " in told
    assert "for want of a key" in told
    assert "not asked: it has neither probe nor warm" in told


def test_sources_says_which_lacks_its_key(run: Run, file: Path, capsys: Captured) -> None:
    text = file.read_text()
    file.write_text(text[: text.index("    without_key:")] + "    probe: {q: cat}\n")
    assert run("sources", "animals", "--probe") == 1
    told = capsys.readouterr().out
    assert "https://example.org/{q} (request.auth needs a key)" in told
    assert "no key is configured for this source: its request.auth needs one (auth_config)" in told


@pytest.mark.parametrize(
    ("probe", "code", "said"),
    [("{q: Mint}", 0, "Mint: 1 record in "), ("{q: a, size: b}", 1, "probe.size: unknown")],
)
def test_what_a_probe_asks_may_be_said(
    run: Run, file: Path, capsys: Captured, probe: str, code: int, said: str
) -> None:
    file.write_text(file.read_text().replace("    warm: [mint]", f"    probe: {probe}"))
    assert run("sources", "plants", "--probe") == code
    assert said in capsys.readouterr().out


def test_a_source_that_does_not_answer_its_probe_ends_with_1(
    run: Run, file: Path, capsys: Captured
) -> None:
    (file.parent / "plants.jsonl").write_text("no json\n")
    assert run("sources", "plants", "--probe") == 1
    assert "cannot be read (malformed)" in capsys.readouterr().out


def test_a_database_that_cannot_be_opened_is_named_and_ends_with_1(
    run: Run, file: Path, capsys: Captured
) -> None:
    file.write_text(file.read_text().replace("/lookup.db", "/no/such/folder/lookup.db"))
    assert run("lookup", "plants", "mint") == 1
    assert "no/such/folder/lookup.db" in capsys.readouterr().err


def test_schema_prints_the_schema(run: Run, capsys: Captured) -> None:
    assert run("schema") == 0
    assert orjson.loads(capsys.readouterr().out)["title"] == "Lookup Gateway"


def test_serve_answers_until_a_signal_comes(file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(file), "--port", "0"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            listening = next(line for line in process.stderr if "server.listening" in line)
            url = orjson.loads(listening)["url"]
            with urlopen(f"{url}/v1/search?source=plants&q=mint") as response:
                assert orjson.loads(response.read())["total"] == 1
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=40) == 0
        assert "server.stopped" in process.stderr.read()


def test_help_and_check_import_no_server_and_no_model() -> None:
    code = (
        "import sys, gateway.__main__, gateway.commands.grammar as m\n"
        "m.parser()\n"
        "print([n for n in ('aiohttp', 'openai', 'sqlalchemy', 'uvloop') if n in sys.modules])"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
