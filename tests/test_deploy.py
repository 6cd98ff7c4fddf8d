"""What stands in deploy/: every metric that is named there is one that the gateway has."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from gateway.assembly import open_gateway
from gateway.config import load_config
from gateway.web.app import make_app
from gateway.web.metrics import REGISTRY
from tests.stub_upstream import source

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
DASHBOARDS = sorted((DEPLOY / "grafana").glob("*.json"))
ALERTS = DEPLOY / "prometheus" / "alerts.yaml"
_NAME = re.compile(r"\b(?:lookup|process|python)_[a-z0-9_]+")
_GROUPED = re.compile(r"by \(([^)]*)\)")


@pytest.fixture
async def families(tmp_path: Path) -> AsyncIterator[dict[str, Metric]]:
    """Every family that /metrics has, by the names of its samples."""
    path = tmp_path / "config.yaml"
    document = {
        "database": {"url": f"sqlite+aiosqlite:///{tmp_path / 'deploy.db'}"},
        "sources": {"plain": source("http://127.0.0.1:9", summary={"by": "none"})},
    }
    path.write_text(yaml.safe_dump(document))
    async with open_gateway(load_config(path, {})) as gateway:
        registry = make_app(gateway)[REGISTRY]
        assert isinstance(registry, CollectorRegistry)
        yield {name: each for each in registry.collect() for name in names_of(each)}


def names_of(family: Metric) -> set[str]:
    endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    return {family.name + ending for ending in endings.get(family.type, ("",))}


def expressions() -> list[tuple[str, str]]:
    """Return every expression, with where it stands."""
    found = [
        (rule["alert"], rule["expr"])
        for group in yaml.safe_load(ALERTS.read_text())["groups"]
        for rule in group["rules"]
    ]
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            name = f"{path.name} {panel['title']}"
            found += [(name, target["expr"]) for target in panel["targets"]]
    return found


async def test_every_metric_that_is_named_exists(families: dict[str, Metric]) -> None:
    unknown = {
        (where, name)
        for where, text in expressions()
        for name in _NAME.findall(text)
        if name not in families
    }
    assert unknown == set()
    assert len(expressions()) > 60


async def test_a_typing_error_would_be_found(families: dict[str, Metric]) -> None:
    assert "lookup_answers_total" in families
    assert "lookup_answers" not in families
    assert "lookup_http_request_duration_seconds_bucket" in families


def test_brackets_and_quotes_close() -> None:
    for where, text in expressions():
        for opening, closing in ("()", "[]", "{}"):
            assert text.count(opening) == text.count(closing), where
        assert text.count('"') % 2 == 0, where


def test_dashboards_are_five_with_panels_that_do_not_overlap() -> None:
    assert [path.stem for path in DASHBOARDS] == [
        "api",
        "infrastructure",
        "stores",
        "tiers",
        "upstreams",
    ]
    uids = set()
    for path in DASHBOARDS:
        board = json.loads(path.read_text())
        uids.add(board["uid"])
        assert board["title"].startswith("Lookup Gateway")
        assert {each["name"] for each in board["templating"]["list"]} == {"datasource", "instance"}
        taken: set[tuple[int, int]] = set()
        for panel in board["panels"]:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not cells & taken, (path.name, panel["title"])
            assert max(x for x, _ in cells) < 24
            taken |= cells
            assert panel["targets"]
            assert panel["fieldConfig"]["defaults"]["unit"]
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert len(uids) == len(DASHBOARDS)


def test_alerts_tell_of_what_the_manual_promises() -> None:
    rules = {
        rule["alert"]: rule
        for group in yaml.safe_load(ALERTS.read_text())["groups"]
        for rule in group["rules"]
    }
    assert {
        "LookupHitRatioFell",
        "LookupCircuitOpen",
        "LookupQuotaNearlySpent",
        "LookupBudgetSpent",
        "LookupStaleShareRises",
        "LookupReplicaBehind",
        "LookupLoopLag",
    } <= set(rules)
    for name, rule in rules.items():
        assert rule["labels"]["severity"] in ("page", "warn"), name
        assert rule["annotations"]["summary"], name
        assert rule["annotations"]["description"], name
        assert rule["for"], name


def test_labels_that_an_annotation_shows_are_left_by_its_expression() -> None:
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        for rule in group["rules"]:
            shown = set(re.findall(r"\$labels\.([a-z_]+)", str(rule["annotations"])))
            grouped = _GROUPED.findall(rule["expr"])
            if grouped:
                kept = {label.strip() for each in grouped for label in each.split(",")}
                assert shown <= kept, rule["alert"]


def test_prometheus_and_alertmanager_know_each_other() -> None:
    prometheus = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yaml").read_text())
    assert prometheus["rule_files"] == [ALERTS.name]
    jobs = {job["job_name"] for job in prometheus["scrape_configs"]}
    assert jobs == set(re.findall(r'job="([^"]+)"', ALERTS.read_text()))
    manager: dict[str, Any] = yaml.safe_load(
        (DEPLOY / "alertmanager" / "alertmanager.yaml").read_text()
    )
    receivers = {each["name"] for each in manager["receivers"]}
    assert manager["route"]["receiver"] in receivers
    assert {each["receiver"] for each in manager["route"]["routes"]} <= receivers
    # The webhook's address is a secret.
    assert "api_url:" not in (DEPLOY / "alertmanager" / "alertmanager.yaml").read_text()
    assert "https://" not in (DEPLOY / "alertmanager" / "alertmanager.yaml").read_text()
