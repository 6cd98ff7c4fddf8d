"""The loader against whole files: what is read, and every way in which it says what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.config import Config, ConfigError, DatabaseSection, load_config

SOURCE = """
sources:
  medicine:
    request: {url: "https://example.org/drugs"}
"""


def load(folder: Path, text: str, env: Mapping[str, str] | None = None) -> Config:
    file = folder / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return load_config(file, env or {})


def faults(folder: Path, text: str, env: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text, env)
    return [str(fault) for fault in caught.value.faults]


def test_one_source_is_enough_and_everything_else_has_its_default(tmp_path: Path) -> None:
    config = load(tmp_path, SOURCE)
    assert (config.server.host, config.server.port) == ("127.0.0.1", 8080)
    assert config.memory.max_bytes == 256 * 1024**2
    assert config.sources["medicine"].freshness.ttl == 86_400.0
    assert config.warmup.on_start


def test_durations_and_sizes_are_read_as_people_write_them(tmp_path: Path) -> None:
    text = SOURCE + "    freshness: {ttl: 90s, negative_ttl: 1h30m}\nmemory: {max_bytes: 64MiB}"
    config = load(tmp_path, text)
    freshness = config.sources["medicine"].freshness
    assert (freshness.ttl, freshness.negative_ttl) == (90.0, 5400.0)
    assert config.memory.max_bytes == 64 * 1024**2


def test_every_fault_of_a_file_is_told_at_once_with_its_path_and_in_the_order_of_the_file(
    tmp_path: Path,
) -> None:
    text = """
server: {port: 99999, prt: 1}
sources:
  medicine:
    request: {url: "https://example.org", timeout: soon}
    freshness: {ttl: 1x, negatve_ttl: 5m}
    response: {errors: [{kind: nope}], fields: {name: [1]}}
    warm: 타이레놀
memory: {max_bytes: lots}
"""
    outcomes = (
        "empty, invalid_input, auth_config, misconfigured, not_approved, quota_day, quota_short, "
        "transient, upstream_down, malformed"
    )
    assert faults(tmp_path, text) == [
        "server.port: 99999: expected a whole number <= 65535",
        "server.prt: unknown key; did you mean port?",
        'sources.medicine.request.timeout: "soon": expected a duration such as 90s, 15m, 6h or 7d',
        'sources.medicine.freshness.ttl: "1x": expected a duration such as 90s, 15m, 6h or 7d',
        "sources.medicine.freshness.negatve_ttl: unknown key; did you mean negative_ttl?",
        f'sources.medicine.response.errors[0].kind: "nope": expected one of {outcomes}',
        "sources.medicine.response.fields.name: a list: expected text or a mapping of keys",
        'sources.medicine.warm: "타이레놀": expected a list',
        'memory.max_bytes: "lots": expected a size such as 512KiB, 64MiB or 2GiB',
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("wrmup: {}" + SOURCE, "wrmup: unknown key; did you mean warmup?"),
        (
            "warmup: {zzz: 1}" + SOURCE,
            "warmup.zzz: unknown key; known here: ahead, on_start, per_second, ready_bytes, "
            "ready_within, top, window",
        ),
        ("warmup: {on_start: 3}" + SOURCE, "warmup.on_start: 3: expected true or false"),
        ("server: [1]" + SOURCE, "server: a list: expected a mapping of keys"),
        ("llm: {model: 4}" + SOURCE, "llm.model: 4: expected text"),
        ("server: {}", "sources: expected at least one source by its name"),
        ("sources: {a: 3}", "sources.a: 3: expected a mapping of keys"),
        ("sources: {a: {}}", "sources.a: a declarative source needs request"),
        (
            "sources: {a: {adapter: dataset}}",
            "sources.a: a dataset source needs dataset, with an id",
        ),
        (
            "sources: {a: {adapter: datset}}",
            'sources.a: adapter "datset" is none of declarative, composite, dataset '
            "and module:Class",
        ),
        ("sources: {a: {request: {}}}", "sources.a.request.url: is missing"),
        (
            "database: {url: lookup.db}" + SOURCE,
            "database: lookup.db is no URL such as sqlite+aiosqlite:///lookup.db",
        ),
        (
            'database: {url: "mysql://me:geheim@host/x"}' + SOURCE,
            "database: the url's mysql is not supported: write sqlite+aiosqlite:///file or "
            "postgresql+asyncpg://user:password@host/name",
        ),
        (
            'database: {url: "postgresql://me:geheim/42@host/x"}' + SOURCE,
            "database: the url's port is no number; a password is written percent-encoded, "
            "as / is %2F",
        ),
        (
            'llm: {base_url: "localhost:8000/v1"}' + SOURCE,
            "llm: base_url: localhost:8000/v1 is no http or https URL, "
            "as http://127.0.0.1:11434/v1 is",
        ),
        (
            "llm: {models: [{model: a, base_url: /v1}]}" + SOURCE,
            "llm.models[0]: base_url: /v1 is no http or https URL, as http://127.0.0.1:11434/v1 is",
        ),
        (
            SOURCE + "    summary: {by: openai}",
            "sources.medicine.summary.by: openai: expected llm.api_key or llm.base_url beside it",
        ),
        (
            "defaults: {limits: {retries: -3}}" + SOURCE,
            "defaults.limits.retries: -3: expected a whole number >= 0",
        ),
        (
            "defaults: {limits: {concurrency: 0}}" + SOURCE,
            "defaults.limits.concurrency: 0: expected a whole number >= 1",
        ),
        (
            "warmup: {per_second: 0}" + SOURCE,
            "warmup.per_second: 0: expected a number > 0.0",
        ),
        (
            "defaults: {limits: {quotas: [{limit: 9, per: day, zone: Asia/Soul}]}}" + SOURCE,
            "defaults.limits.quotas[0]: 'Asia/Soul' is no time zone, such as Asia/Seoul",
        ),
        (
            "sources: {a: {request: {url: x, params: {1: x}}}}",
            "sources.a.request.params.1: a key is text: put it in quotes",
        ),
        (
            "sources: {404: {request: {url: x}}}",
            "sources.404: a name is text: put it in quotes",
        ),
    ],
)
def test_a_fault_names_the_path_the_value_and_what_is_expected(
    tmp_path: Path, text: str, fault: str
) -> None:
    assert faults(tmp_path, text) == [fault]


def test_a_source_has_what_the_defaults_say_unless_it_says_otherwise_key_by_key(
    tmp_path: Path,
) -> None:
    text = """
defaults:
  freshness: {ttl: 1h, negative_ttl: 1m}
  limits: {breaker: {failures: 2}}
sources:
  a: {request: {url: x}}
  b: {request: {url: x}, freshness: {ttl: 2h}, limits: {breaker: {reset: 5s}}}
"""
    config = load(tmp_path, text)
    a, b = config.sources["a"], config.sources["b"]
    assert (a.freshness.ttl, a.freshness.negative_ttl) == (3600.0, 60.0)
    assert (b.freshness.ttl, b.freshness.negative_ttl) == (7200.0, 60.0)
    assert (b.limits.breaker.failures, b.limits.breaker.reset) == (2, 5.0)


def test_a_fault_in_the_defaults_is_told_once_and_not_once_a_source(tmp_path: Path) -> None:
    text = "defaults: {freshness: {ttl: soon}}\nsources: {a: {request: {url: x}}}"
    assert faults(tmp_path, text) == [
        'defaults.freshness.ttl: "soon": expected a duration such as 90s, 15m, 6h or 7d'
    ]


def test_a_section_whose_lines_are_all_comments_has_its_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, "warmup:\n  # top: 3\ndefaults:\n" + SOURCE).warmup.top == 100


def test_data_sets_are_relative_to_the_file_and_not_to_the_working_directory(
    tmp_path: Path,
) -> None:
    text = """
sources:
  a: {adapter: dataset, dataset: {path: data/a.jsonl, id: id}}
  b: {request: {url: x}, without_key: {path: /srv/b.jsonl, id: id}}
"""
    sources = load(tmp_path, text).sources
    assert sources["a"].dataset is not None
    assert sources["a"].dataset.path == str(tmp_path / "data/a.jsonl")
    assert sources["b"].without_key is not None
    assert sources["b"].without_key.path == "/srv/b.jsonl"


def test_the_stand_in_serves_while_a_required_key_is_empty_and_no_longer(tmp_path: Path) -> None:
    text = """
sources:
  a:
    request: {url: x, auth: {name: key, key: "${KEY:-}"}}
    without_key: {path: a.jsonl, id: id}
"""
    keyless, keyed = load(tmp_path, text), load(tmp_path, text, {"KEY": "k"})
    assert keyless.sources["a"].local == keyless.sources["a"].without_key
    assert keyed.sources["a"].local is None


def test_a_number_or_a_switch_may_come_from_the_environment(tmp_path: Path) -> None:
    text = 'server: {port: "${PORT}"}\nwarmup: {on_start: "${WARM:-false}"}' + SOURCE
    config = load(tmp_path, text, {"PORT": "9000"})
    assert config.server.port == 9000
    assert config.warmup.on_start is False


def test_a_text_from_the_environment_stays_text_although_it_looks_like_a_number(
    tmp_path: Path,
) -> None:
    config = load(tmp_path, 'llm: {api_key: "${KEY}"}' + SOURCE, {"KEY": "0123"})
    assert config.llm.api_key == "0123"


def test_a_secret_is_in_no_message(tmp_path: Path) -> None:
    text = """
server: {port: "${KEY}"}
llm: {timeout: "${KEY}"}
sources:
  a: {adapter: "x${KEY}"}
  b: {request: {url: x, auth: {in: "${KEY}"}}, params: {c: {min: "${KEY}"}}}
"""
    told = faults(tmp_path, text, {"KEY": "geheim-42"})
    assert len(told) == 5
    assert not [line for line in told if "geheim" in line]
    assert all("${KEY}" in line for line in told)


def test_the_secrets_of_a_configuration_are_its_keys_and_the_password_of_its_database(
    tmp_path: Path,
) -> None:
    text = """
llm: {api_key: llm-key}
database: {url: "postgresql+asyncpg://gateway:word@db/lookup"}
sources:
  a: {request: {url: x, auth: [{name: id, key: one}, {name: secret, key: two}]}}
  b: {adapter: dataset, dataset: {path: a, id: id}}
"""
    assert load(tmp_path, text).secrets == ("llm-key", "word", "one", "two")


@pytest.mark.parametrize(
    ("url", "password"),
    [
        ("postgresql+asyncpg://me:p@ss@[::1]:5432/x", "p@ss"),
        ("postgresql+asyncpg://me@host/x", ""),
        ("postgresql+asyncpg://me:pw@host/x?a=b@c", "pw"),
        ("sqlite+aiosqlite:///a:b@c.db", ""),
        ("postgresql+asyncpg://:only@[/x", "only"),
    ],
)
def test_the_password_of_a_database_is_found_in_any_url(url: str, password: str) -> None:
    assert DatabaseSection(url=url).password == password


@pytest.mark.parametrize(
    ("summary", "path"),
    [
        ("{schema: {type: strnig}}", "schema"),
        ("{schema: {type: object}, require: 'risk >'}", "require"),
        ("{require: 'risk'}", "require"),
    ],
)
def test_a_wrong_report_is_told_with_its_path(tmp_path: Path, summary: str, path: str) -> None:
    (fault,) = faults(tmp_path, SOURCE + f"    summary: {summary}\n")
    assert fault.startswith(f"sources.medicine.summary.{path}: ")
