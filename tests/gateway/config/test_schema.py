"""The committed schema is the code's, and says of ``config.yaml`` what the loader says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gateway.config.reference import structs
from gateway.config.schema import schema

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT: dict[str, Any] = json.loads(schema())


def test_the_committed_schema_is_current() -> None:
    committed = (ROOT / "config.schema.json").read_text(encoding="utf-8")
    assert committed == schema(), "run: make fix"


def test_editors_find_the_schema_through_the_first_line_of_the_configuration() -> None:
    first = (ROOT / "config.yaml").read_text(encoding="utf-8").partition("\n")[0]
    assert first == "# yaml-language-server: $schema=config.schema.json"


def test_every_reference_within_the_schema_leads_somewhere() -> None:
    wanted = {node["$ref"] for node in walk(DOCUMENT) if "$ref" in node}
    assert wanted <= {f"#/$defs/{name}" for name in DOCUMENT["$defs"]}


def test_a_mistyped_key_is_marked_in_every_section() -> None:
    assert all(section["additionalProperties"] is False for section in DOCUMENT["$defs"].values())


def test_durations_sizes_and_ports_stand_in_their_own_words() -> None:
    sections = DOCUMENT["$defs"]
    assert sections["FreshnessSpec"]["properties"]["ttl"]["default"] == "1d"
    assert sections["MemorySection"]["properties"]["max_bytes"]["default"] == "256MiB"
    port = sections["ServerSection"]["properties"]["port"]["anyOf"]
    assert {"type": "integer", "minimum": 0, "maximum": 65535} in port
    assert sections["AuthSpec"]["properties"]["in"]["default"] == "query"


def test_a_key_that_must_be_given_is_required() -> None:
    assert DOCUMENT["$defs"]["RequestSpec"]["required"] == ["url"]
    assert DOCUMENT["required"] == ["sources"]


def test_no_two_sections_share_a_name() -> None:
    names = [kind.__name__ for kind in structs()]
    assert len(names) == len(set(names))


def walk(node: Any) -> Any:
    if isinstance(node, dict):
        yield node
        for below in node.values():
            yield from walk(below)
    elif isinstance(node, list):
        for below in node:
            yield from walk(below)
