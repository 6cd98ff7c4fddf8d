"""What the process says of itself: one line each, in JSON, without secrets."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import orjson
import pytest
import structlog

from gateway.events import CircuitChanged, FetchFailed, Served, TierFailed, TierRead
from gateway.logs import REPEAT_AFTER, EventLog, configure, logged, redactor


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    yield stream
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)


def lines(out: io.StringIO) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_is_json_with_time_level_and_request_id(out: io.StringIO) -> None:
    configure(stream=out)
    before = datetime.now(UTC)
    structlog.contextvars.bind_contextvars(request_id="r-1")
    structlog.get_logger("x").info("server.listening", url="http://127.0.0.1:8080")
    (line,) = lines(out)
    told = str(line.pop("timestamp"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", told)
    assert before <= datetime.fromisoformat(told) <= datetime.now(UTC)
    assert line == {
        "event": "server.listening",
        "level": "info",
        "request_id": "r-1",
        "url": "http://127.0.0.1:8080",
    }


def test_a_library_that_warns_is_a_line_like_ours(out: io.StringIO) -> None:
    configure(stream=out)
    logging.getLogger("aiohttp.client").warning("lost %s", "it")
    logging.getLogger("aiohttp.client").info("chatter")
    (line,) = lines(out)
    assert (line["event"], line["level"], line["logger"]) == (
        "lost it",
        "warning",
        "aiohttp.client",
    )


def test_a_traceback_stays_within_its_line(out: io.StringIO) -> None:
    configure(stream=out)
    for log in (structlog.get_logger("x"), logging.getLogger("y")):
        try:
            raise ValueError("boom\nand more")
        except ValueError:
            log.exception("crashed")
    assert ["boom" in str(line["exception"]) for line in lines(out)] == [True, True]


def test_a_terminal_gets_text(out: io.StringIO) -> None:
    configure(stream=out, console=True)
    structlog.get_logger("x").warning("circuit.changed", upstream="medicine")
    assert "circuit.changed" in out.getvalue()
    assert not out.getvalue().startswith("{")


def test_below_the_level_nothing_is_said(out: io.StringIO) -> None:
    configure(stream=out, level="warning")
    structlog.get_logger("x").info("quiet")
    assert out.getvalue() == ""


@pytest.mark.parametrize("console", [True, False])
def test_no_secret_leaves_in_a_field_a_message_or_a_traceback(
    out: io.StringIO, console: bool
) -> None:
    secret = 'pl"anted/+key=='
    configure(stream=out, console=console, secrets=[secret, ""])
    log = structlog.get_logger("x")
    log.error("failed", reason=f"GET /?k={secret}", nested={"a": [secret]})
    logging.getLogger("lib").error("bad %s", secret)
    try:
        raise ValueError(secret)
    except ValueError:
        log.exception("crashed")
    assert "anted/+key" not in out.getvalue()
    assert "***" in out.getvalue()


@pytest.mark.parametrize(
    ("line", "hidden"),
    [
        ("GET /?serviceKey=abc%2Fdef&q=1", "GET /?serviceKey=***&q=1"),
        ("GET /?q=1&api_key=abc", "GET /?q=1&api_key=***"),
        ('{"api_key": "sk-1234", "q": 1}', '{"api_key": "***", "q": 1}'),
        ("Authorization: Bearer sk-1234", "Authorization: Bearer ***"),
        ("Authorization: KakaoAK 1234", "Authorization: KakaoAK ***"),
        (r'{"e":"{\"token\":\"t-1\"}"}', r'{"e":"{\"token\":\"***\"}"}'),
        ("redis://u:pw@host:1/0", "redis://***@host:1/0"),
        ("postgresql+asyncpg://u:p%40w@h/db", "postgresql+asyncpg://***@h/db"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        ('{"prompt_tokens":12,"q":"x"}', '{"prompt_tokens":12,"q":"x"}'),
    ],
)
def test_what_looks_like_a_credential_is_hidden(line: str, hidden: str) -> None:
    assert redactor()(line) == hidden


def test_events_are_told_by_how_much_they_matter(out: io.StringIO) -> None:
    configure(stream=out)
    listen = EventLog(clock=lambda: 0.0)
    listen(Served("medicine", "k", "hit", "memory", 0.001))
    listen(FetchFailed("medicine", "k", "timeout", "too slow", 10.0))
    listen(CircuitChanged("medicine", "closed", "open"))
    assert [(line["event"], line["level"]) for line in lines(out)] == [
        ("upstream.failed", "warning"),
        ("circuit.changed", "warning"),
    ]


@pytest.mark.parametrize("level", ["info", "debug"])
def test_events_reach_the_log_only_where_they_make_a_line(out: io.StringIO, level: str) -> None:
    configure(stream=out, level=level)
    events = logged(lambda: 0.0)
    events.emit(Served("medicine", "k", "hit", "memory", 0.001))
    events.emit(TierFailed("redis", "get", "refused"))
    told = [line["event"] for line in lines(out)]
    assert told == [*["lookup.served"] * (level == "debug"), "tier.failed"]


def test_a_line_about_an_event_has_its_members_and_nothing_of_its_kind(out: io.StringIO) -> None:
    configure(stream=out, level="debug")
    EventLog(clock=lambda: 0.0)(TierRead("memory", hit=True, seconds=0.5))
    (line,) = lines(out)
    assert line.keys() - {"event", "level", "timestamp"} == {"tier", "hit", "seconds", "count"}


def test_a_tier_that_stays_away_is_one_line_a_minute(out: io.StringIO) -> None:
    now = 0.0
    configure(stream=out)
    listen = EventLog(clock=lambda: now)
    for _ in range(1000):
        listen(TierFailed("redis", "get", "refused"))
    listen(TierFailed("database", "get", "locked"))
    now = REPEAT_AFTER
    listen(TierFailed("redis", "get", "refused"))
    assert [line["tier"] for line in lines(out)] == ["redis", "database", "redis"]


def test_the_same_fault_of_a_source_is_told_once_and_then_how_often_it_came(
    out: io.StringIO,
) -> None:
    now = 0.0
    configure(stream=out)
    listen = EventLog(clock=lambda: now)
    for number in range(1000):
        listen(FetchFailed("medicine", f"k{number}", "timeout", "too slow", 10.0))
    listen(FetchFailed("medicine", "k", "transient", "broken", 1.0))
    listen(FetchFailed("pharmacy", "k", "timeout", "too slow", 10.0))
    now = REPEAT_AFTER
    listen(FetchFailed("medicine", "k", "timeout", "too slow", 10.0))
    told = [(line["source"], line["kind"], line.get("repeats")) for line in lines(out)]
    assert told == [
        ("medicine", "timeout", None),
        ("medicine", "transient", None),
        ("pharmacy", "timeout", None),
        ("medicine", "timeout", 999),
    ]


def test_a_secret_is_hidden_as_it_stands_in_a_url(out: io.StringIO) -> None:
    configure(stream=out, secrets=["a b/c+d=="])
    log = structlog.get_logger("x")
    log.error("one", url="/a%20b%2Fc%2Bd%3D%3D/items")
    log.error("two", url="/?k=a+b%2Fc%2Bd%3D%3D")
    assert [line["url"] for line in lines(out)] == ["/***/items", "/?k=***"]
