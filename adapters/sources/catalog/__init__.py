"""The catalog: well-known public APIs as blocks for ``config.yaml``, one file each."""

from __future__ import annotations

from importlib import resources
from typing import Any

import yaml


def names() -> list[str]:
    """Return what the catalog holds, in alphabetical order."""
    folder = resources.files(__name__)
    return sorted(
        file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml")
    )


def block(name: str) -> dict[str, Any]:
    """Return the source section *name*, its ``${NAME}`` still unfilled; raise KeyError."""
    if name not in names():
        raise KeyError(name)
    text = (resources.files(__name__) / f"{name}.yaml").read_text("utf-8")
    section: dict[str, Any] = yaml.safe_load(text)
    return section
