"""The files of docs/fleet.md: whatever they name exists in the gateway, and they fit each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy.engine import make_url

from gateway.assembly.refilling import GRACE
from gateway.commands.grammar import parser
from gateway.commands.serve import LEAVING
from gateway.config import load_config
from gateway.web.app import OPERATING, ROUTES
from gateway.web.server import DRAIN
from storage.redis_address import parse_address

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "fleet.md").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PATHS = {route.path for route in ROUTES if route.method == "GET"} - OPERATING
SECONDS = re.compile(r"(\d+)s")


def block(heading: str) -> str:
    """Return the YAML below *heading*."""
    found = re.search(rf"^## {heading}\n.*?^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


@pytest.fixture
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(block("With compose"))["services"]
    return found


@pytest.fixture
def manifests() -> dict[str, Any]:
    """Return the manifests by their kinds."""
    documents = list(yaml.safe_load_all(block("On Kubernetes")))
    assert all(each["apiVersion"] and each["metadata"]["name"] for each in documents)
    kinds = {each["kind"]: each for each in documents}
    assert len(kinds) == len(documents)
    return kinds


def container(manifests: dict[str, Any]) -> dict[str, Any]:
    (only,) = manifests["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert isinstance(only, dict)
    return only


def variables() -> set[str]:
    """Return what the image and its configuration take from the environment."""
    return {
        "LOOKUP_CONFIG",
        *re.findall(r"\$\{(\w+)", (ROOT / "config.yaml").read_text()),
        *re.findall(r"(\w+)=", DOCKERFILE.partition("\nENV PATH")[2].partition("\nRUN")[0]),
    }


def references(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping in *value*."""
    if isinstance(value, dict):
        yield value
    for below in value.values() if isinstance(value, dict) else value:
        if isinstance(below, dict | list):
            yield from references(below)


def test_compose_sets_only_what_is_read(services: dict[str, Any]) -> None:
    gateway = services["gateway"]
    assert set(gateway["environment"]) <= variables()
    assert parser().parse_args(gateway["command"]).command == "serve"
    assert (ROOT / gateway["build"] / "Dockerfile").is_file()


def test_compose_finds_its_own_services(services: dict[str, Any]) -> None:
    environment = services["gateway"]["environment"]
    database = make_url(environment["DATABASE_URL"].replace("${DB_PASSWORD}", "secret"))
    settings = services["postgres"]["environment"]
    assert database.host == "postgres"
    assert database.username == settings["POSTGRES_USER"]
    assert database.database == settings["POSTGRES_DB"]
    assert settings["POSTGRES_PASSWORD"] == "${DB_PASSWORD}"
    assert parse_address(environment["REDIS_URL"]).hosts == (("valkey", 6379),)
    assert set(services["gateway"]["depends_on"]) == set(services) - {"gateway"}


def test_compose_publishes_the_port_of_the_image_once_for_each_replica(
    services: dict[str, Any],
) -> None:
    (ports,) = services["gateway"]["ports"]
    published, _, target = ports.partition(":")
    first, last = map(int, published.split("-"))
    assert last - first + 1 == services["gateway"]["deploy"]["replicas"]
    assert f"EXPOSE {target}\n" in DOCKERFILE
    assert f"LOOKUP_PORT={target} " in DOCKERFILE


def test_both_leave_the_time_that_stopping_takes(
    services: dict[str, Any], manifests: dict[str, Any]
) -> None:
    compose = SECONDS.fullmatch(services["gateway"]["stop_grace_period"])
    assert compose is not None
    needed = DRAIN + GRACE + LEAVING  # after which workers are killed, too
    assert int(compose[1]) >= needed
    pause = int(container(manifests)["lifecycle"]["preStop"]["exec"]["command"][1])
    pod = manifests["Deployment"]["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= needed + pause


def test_the_configuration_of_the_pods_is_right(manifests: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(manifests["ConfigMap"]["data"]["config.yaml"])
    secret = manifests["Secret"]["stringData"]
    used = set(re.findall(r"\$\{(\w+)", path.read_text()))
    assert used == set(secret)
    config = load_config(path, secret)
    assert make_url(config.database.url).get_backend_name() == "postgresql"
    assert parse_address(config.redis.url).kind == "single"
    ports = {each["name"]: each["containerPort"] for each in container(manifests)["ports"]}
    assert config.server.admin is not None
    assert ports == {"http": config.server.port, "admin": config.server.admin.port}
    assert config.server.host == config.server.admin.host == "0.0.0.0"
    data = re.findall(r"/app/(\S+\.jsonl)", path.read_text())
    assert all((ROOT / each).is_file() for each in data)
    assert "WORKDIR /app\n" in DOCKERFILE


def test_probes_ask_what_is_answered_on_the_port_that_they_ask(manifests: dict[str, Any]) -> None:
    probes = {name: each for name, each in container(manifests).items() if name.endswith("Probe")}
    assert set(probes) == {"startupProbe", "livenessProbe", "readinessProbe"}
    for probe in probes.values():
        assert probe["httpGet"]["path"] in PATHS
        assert probe["httpGet"]["port"] == "http"
    # Were it to ask whether the database is there, a lost database would restart every pod.
    assert probes["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert probes["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_the_manifests_name_each_other(manifests: dict[str, Any]) -> None:
    deployment = manifests["Deployment"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == labels
    assert manifests["Service"]["spec"]["selector"] == labels
    assert manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert manifests["PodDisruptionBudget"]["spec"]["minAvailable"] < deployment["replicas"]
    assert manifests["Service"]["spec"]["ports"][0]["targetPort"] == "http"
    for each in references(deployment):
        if "secretRef" in each:
            assert each["secretRef"]["name"] == manifests["Secret"]["metadata"]["name"]
        if "configMap" in each:
            assert each["configMap"]["name"] == manifests["ConfigMap"]["metadata"]["name"]


def test_the_container_runs_as_the_image_says(manifests: dict[str, Any]) -> None:
    pod, only = manifests["Deployment"]["spec"]["template"]["spec"], container(manifests)
    identity = pod["securityContext"]
    assert f"USER {identity['runAsUser']}:{identity['runAsGroup']}\n" in DOCKERFILE
    assert parser().parse_args(only["args"]).command == "serve"
    variable = {each["name"]: each["value"] for each in only["env"]}
    assert set(variable) <= variables()
    mounted = {each["mountPath"]: each["name"] for each in only["volumeMounts"]}
    assert mounted[str(Path(variable["LOOKUP_CONFIG"]).parent)] == "config"
