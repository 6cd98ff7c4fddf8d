"""Reads a configuration: file, environment, defaults, types; all faults at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from adapters.sources import catalog
from adapters.sources.spec import DatasetSpec
from gateway.config.catalog import with_catalog
from gateway.config.document import read_document
from gateway.config.environment import substitute
from gateway.config.faults import ConfigError, Fault, join
from gateway.config.merging import merge
from gateway.config.sections import Config, DefaultsSection, SourceSection
from gateway.config.shape import shape


def load_config(path: Path, env: Mapping[str, str]) -> Config:
    """Return the configuration in the file at *path*, with ``${NAME}`` taken from *env*.

    A source lies over what it takes from the catalog, and that over the file's defaults. Paths of data sets are made absolute: in the file they are relative to its folder.
    Raise `ConfigError` with every fault of the file.
    """
    faults: list[Fault] = []
    document = substitute(with_catalog(read_document(path), faults), env, "", faults)
    order = list(document)
    defaults = document.get("defaults") or {}
    if shape(DefaultsSection, defaults, "defaults", faults) is None:
        defaults = {}
    sections = _with_catalog(document.pop("sources", None), env, faults)
    sources = _sources(sections, defaults, path.parent.resolve(), faults)
    rest = {key: value for key, value in document.items() if key != "defaults"}
    config = shape(Config, {**rest, "defaults": defaults}, "", faults)
    if config is None or faults:
        raise ConfigError(tuple(sorted(faults, key=lambda fault: _place(fault, order))))
    return msgspec.structs.replace(config, sources=sources)


def _place(fault: Fault, order: list[str]) -> int:
    section = re.split(r"[.\[]", fault.path, maxsplit=1)[0]
    return order.index(section) if section in order else len(order)


def _with_catalog(sections: Any, env: Mapping[str, str], faults: list[Fault]) -> Any:
    """Return *sections*, those that name a catalog source laid over it."""
    if not isinstance(sections, dict):
        return sections
    laid = {}
    for key, section in sections.items():
        name = section.get("catalog") if isinstance(section, dict) else None
        if not (isinstance(name, str) and name):
            laid[key] = section
        elif name in catalog.names():
            path = join("sources", str(key))
            laid[key] = merge(substitute(catalog.block(name), env, path, faults), section)
        else:
            faults.append(Fault(f"{join('sources', str(key))}.catalog", _unknown(name)))
    return laid


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, catalog.names(), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "it has " + ", ".join(catalog.names())
    return f"the catalog has no such source; {hint}"


def _sources(
    sections: Any, defaults: dict[str, Any], folder: Path, faults: list[Fault]
) -> dict[str, SourceSection]:
    if not isinstance(sections, dict) or not sections:
        faults.append(Fault("sources", "expected at least one source by its name"))
        return {}
    built = {}
    for key, section in sections.items():
        path = join("sources", str(key))
        if not isinstance(key, str):
            faults.append(Fault(path, "a name is text: put it in quotes"))
        merged = merge(defaults, section) if isinstance(section, dict) else section
        source = shape(SourceSection, merged, path, faults)
        if source is not None:
            built[key] = _at_home(source, folder)
    return built


def _at_home(source: SourceSection, folder: Path) -> SourceSection:
    return msgspec.structs.replace(
        source,
        dataset=_located(source.dataset, folder),
        without_key=_located(source.without_key, folder),
    )


def _located(dataset: DatasetSpec | None, folder: Path) -> DatasetSpec | None:
    if dataset is None:
        return None
    return msgspec.structs.replace(dataset, path=str(folder / dataset.path))
