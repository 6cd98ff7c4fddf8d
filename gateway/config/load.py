"""Reads a configuration: file, environment, defaults, types; all faults at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from adapters.sources.spec import DatasetSpec, ResponseSpec, SpecError
from gateway.config.catalog import with_catalog
from gateway.config.document import read_document
from gateway.config.environment import substitute
from gateway.config.faults import ConfigError, Fault, join
from gateway.config.merging import merge
from gateway.config.sections import Config, DefaultsSection, LlmSection
from gateway.config.shape import shape
from gateway.config.source import SourceSection


def load_config(path: Path, env: Mapping[str, str]) -> Config:
    """Return the configuration in the file at *path*, with ``${NAME}`` taken from *env*.

    Paths of data sets are made absolute: in the file they are relative to its folder.
    Raise `ConfigError` with every fault of the file.
    """
    faults: list[Fault] = []
    document = substitute(with_catalog(read_document(path), faults), env, "", faults)
    order = list(document)
    defaults = document.get("defaults") or {}
    if shape(DefaultsSection, defaults, "defaults", faults) is None:
        defaults = {}
    sources = _sources(document.pop("sources", None), defaults, path.parent.resolve(), faults)
    rest = {key: value for key, value in document.items() if key != "defaults"}
    config = shape(Config, {**rest, "defaults": defaults}, "", faults)
    if config is not None:
        faults += _without_a_model(config.llm, sources)
        faults += _unpriced(config)
    faults += _wrong_reports(sources)
    if config is None or faults:
        raise ConfigError(tuple(sorted(faults, key=lambda fault: _place(fault, order))))
    return msgspec.structs.replace(config, sources=sources)


def _place(fault: Fault, order: list[str]) -> int:
    section = re.split(r"[.\[]", fault.path, maxsplit=1)[0]
    return order.index(section) if section in order else len(order)


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


def _without_a_model(llm: LlmSection, sources: dict[str, SourceSection]) -> list[Fault]:
    if llm.usable:
        return []
    what = "openai: expected llm.api_key or llm.base_url beside it"
    return [
        Fault(f"sources.{name}.summary.by", what)
        for name, source in sources.items()
        if source.summary.by == "openai"
    ]


def _unpriced(config: Config) -> list[Fault]:
    llm = config.llm
    if not (config.budgets.bounded and llm.usable):
        return []
    what = "expected a price of {}: without one no budget can hold"
    unpriced = dict.fromkeys(spec.model for spec in llm.asked if spec.model not in llm.prices)
    return [Fault("llm.prices", what.format(model)) for model in unpriced]


def _wrong_reports(sources: dict[str, SourceSection]) -> list[Fault]:
    faults = []
    for name, source in sources.items():
        try:
            source.summary.rules  # noqa: B018 - compiled here so that a wrong one is told here
        except SpecError as error:
            faults.append(Fault(f"sources.{name}.summary.{error.path}", error.message))
    return faults


def _at_home(source: SourceSection, folder: Path) -> SourceSection:
    return msgspec.structs.replace(
        source,
        dataset=_located(source.dataset, folder),
        without_key=_located(_like(source.without_key, source.response), folder),
    )


def _like(dataset: DatasetSpec | None, response: ResponseSpec) -> DatasetSpec | None:
    """Return *dataset*, read as *response* is where it does not say how."""
    if dataset is None:
        return None
    return msgspec.structs.replace(
        dataset, id=dataset.id or response.id, fields=dataset.fields or response.fields
    )


def _located(dataset: DatasetSpec | None, folder: Path) -> DatasetSpec | None:
    if dataset is None:
        return None
    return msgspec.structs.replace(dataset, path=str(folder / dataset.path))
