"""Reads the YAML of a configuration; a key that stands twice is a fault, not the last one's win."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from gateway.config.faults import ConfigError, Fault, join


def read_document(path: Path) -> dict[str, Any]:
    """Return the mapping that the file at *path* holds; raise `ConfigError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError((Fault("", f"{path} cannot be read: {reason}"),)) from error
    faults: list[Fault] = []
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is not None:
            _find_faults(root, "", faults, {})
        document = {} if root is None else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        hint = '; within { } write "${NAME}" in quotes' if "${" in text else ""
        raise ConfigError((Fault("", f"{path}{_place(error)}: {error.problem}{hint}"),)) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError((Fault("", f"{path} is no YAML: {error}"),)) from error
    if faults:
        raise ConfigError(tuple(faults))
    if not isinstance(document, dict):
        raise ConfigError((Fault("", f"{path} holds no mapping of sections"),))
    return document


def _place(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark
    return "" if mark is None else f" line {mark.line + 1}, column {mark.column + 1}"


def _find_faults(node: yaml.Node, path: str, faults: list[Fault], seen: dict[int, bool]) -> None:
    """Add keys that stand twice, and aliases of what they stand in; *seen* says what is open."""
    if id(node) in seen:
        if seen[id(node)]:
            faults.append(Fault(path, "is an alias of what it stands in"))
        return
    seen[id(node)] = True
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _find_faults(item, join(path, index), faults, seen)
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            below = join(path, name)
            if name in lines and name != "<<":
                faults.append(Fault(below, f"stands twice, in lines {lines[name]} and {line}"))
            lines.setdefault(name, line)
            _find_faults(value, below, faults, seen)
    seen[id(node)] = False
