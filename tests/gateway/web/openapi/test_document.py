from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
import jsonschema_rs
import orjson
import pytest
from aiohttp import web

from gateway.assembly import Gateway
from gateway.config import Config
from gateway.web.admission import ANYBODY, KNOWN
from gateway.web.app import ROUTES
from gateway.web.batch import MAX_LOOKUPS
from gateway.web.openapi import bodies
from gateway.web.openapi.document import DESCRIBED, document
from gateway.web.openapi.lookups import SEARCH
from gateway.web.parameters import RESERVED
from gateway.web.suggest import PARAMETERS
from tests.gateway.web.test_admission import opened
from tests.serving import decoded


async def told(client: aiohttp.ClientSession, **options: Any) -> dict[str, Any]:
    async with client.get("/openapi.json", **options) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "application/json"
        found: dict[str, Any] = orjson.loads(await decoded(response))
        return found


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from [member] if name == "$ref" else references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


def validator(description: Mapping[str, Any], name: str) -> jsonschema_rs.Draft202012Validator:
    schema = {**description, "$ref": f"#/components/schemas/{name}"}
    return jsonschema_rs.Draft202012Validator(schema)


def test_every_route_is_described_and_nothing_else() -> None:
    routes = {(each.method, each.path) for each in ROUTES if isinstance(each, web.RouteDef)}
    assert set(DESCRIBED) == routes


async def test_every_reference_leads_somewhere(client: aiohttp.ClientSession) -> None:
    description = await told(client)
    for reference in references(description):
        place: Any = description
        for step in reference.removeprefix("#/").split("/"):
            assert step in place, reference
            place = place[step]


async def test_every_schema_is_a_schema(client: aiohttp.ClientSession) -> None:
    description = await told(client)
    for schema in description["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)
    operations = [each for path in description["paths"].values() for each in path.values()]
    assert len({each["operationId"] for each in operations}) == len(DESCRIBED)
    for operation in operations:
        for parameter in operation["parameters"]:
            jsonschema_rs.meta.validate(parameter["schema"])


def test_parameters_are_those_that_the_handlers_take() -> None:
    assert tuple(each.name for each in SEARCH) == RESERVED
    suggest = DESCRIBED["GET", "/v1/suggest"].parameters
    assert tuple(each.name for each in suggest) == PARAMETERS
    assert set(bodies.Lookup.__struct_fields__) == set(RESERVED)


async def test_what_a_source_declares_stands_among_the_parameters(
    client: aiohttp.ClientSession,
) -> None:
    description = await told(client)
    given = {each["name"]: each for each in description["paths"]["/v1/search"]["get"]["parameters"]}
    assert given["source"]["schema"]["enum"] == ["medicine", "pharmacy", "plain"]
    assert given["radius"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 5000}
    assert given["city"]["description"] == "`pharmacy` (required)"
    assert not given["city"]["required"]


async def test_sources_are_told_to_nobody_who_may_not_ask_them(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.access.keyring.MISSES", 0.0)
    async with opened(config) as door:
        stranger = orjson.dumps(await told(door.http))
        key = await door.key(sources=frozenset({"plain"}))
        known = orjson.dumps(await told(door.http, headers=key))
    assert not any(name in stranger for name in (b'"plain"', b"medicine", b"pharmacy", b"radius"))
    assert b'"plain"' in known
    assert b"pharmacy" not in known


async def test_who_has_the_description_is_not_sent_it_again(client: aiohttp.ClientSession) -> None:
    async with client.get("/openapi.json") as response:
        tag = response.headers["ETag"]
        assert response.headers["Vary"] == "Authorization, Accept-Encoding"
    async with client.get("/openapi.json", headers={"If-None-Match": tag}) as response:
        assert response.status == 304


def test_whoever_must_show_a_key_is_told_so() -> None:
    for anyone in (True, False):
        for path, methods in document({}, anyone=anyone)["paths"].items():
            for operation in methods.values():
                if path in ANYBODY:
                    assert "security" not in operation
                    continue
                first, *others = operation["security"]
                assert others == ([{}] if anyone else [])
                assert first["bearer"] or path in KNOWN


SEARCHED = {"source": "medicine", "q": "aspirin"}
BODIES: list[tuple[str, str, dict[str, Any], str]] = [
    ("GET", "/v1/search", {"params": SEARCHED}, "Answer"),
    ("GET", "/v1/search", {"params": {**SEARCHED, "fields": "id"}}, "Answer"),
    ("GET", "/v1/search", {"params": {**SEARCHED, "source": "plain"}}, "Answer"),
    ("GET", "/v1/search", {"params": {"source": "medicin"}}, "Problem"),
    ("POST", "/v1/search", {"json": {"lookups": [SEARCHED, {}]}}, "Answers"),
    ("POST", "/v1/refresh", {"json": SEARCHED}, "Answer"),
    ("POST", "/v1/invalidate", {"json": {"source": "medicine"}}, "Withdrawn"),
    ("POST", "/v1/invalidate", {"json": {}}, "Problem"),
    ("GET", "/v1/suggest", {"params": SEARCHED}, "Suggestions"),
    ("GET", "/v1/sources", {}, "Sources"),
    ("GET", "/v1/stats", {"params": {"popular": "5"}}, "Stats"),
    ("GET", "/v1/audit", {}, "Audit"),
    ("GET", "/healthz", {}, "Alive"),
    ("GET", "/readyz", {}, "Ready"),
]


@pytest.mark.parametrize(("method", "path", "options", "name"), BODIES)
async def test_answers_are_of_the_types_that_are_described(
    client: aiohttp.ClientSession, method: str, path: str, options: dict[str, Any], name: str
) -> None:
    description = await told(client)
    async with client.request("GET", "/v1/search", params=SEARCHED) as response:
        assert response.status == 200
    async with client.request(method, path, **options) as response:
        answer = orjson.loads(await decoded(response))
        response_told = description["paths"][path][method.lower()]["responses"]
        told_here = response_told[str(response.status)]
    schema = references(told_here.get("content", {}))
    assert name == "Problem" or f"#/components/schemas/{name}" in schema
    validator(description, name).validate(answer)


async def test_bodies_that_are_described_are_taken(
    client: aiohttp.ClientSession, gateway: Gateway
) -> None:
    description = document(gateway.routes, anyone=True)
    checks = {name: validator(description, name) for name in ("Lookups", "Withdrawal")}
    checks["Lookups"].validate({"lookups": [{**SEARCHED, "limit": 3, "fields": ["id"]}]})
    assert not checks["Lookups"].is_valid({"lookups": [SEARCHED] * (MAX_LOOKUPS + 1)})
    assert not checks["Lookups"].is_valid({"lookup": []})
    for body in ({"all": True}, {"source": "plain", "pattern": "a*"}, {"item": {"id": 1}}):
        taken = checks["Withdrawal"].is_valid(body)
        async with client.post("/v1/invalidate", json=body) as response:
            assert taken == (response.status == 200), body
