from __future__ import annotations

from pathlib import Path

import pytest

from adapters.sources import catalog
from gateway.config.faults import ConfigError
from gateway.config.load import load_config


def written(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    return path


def test_a_name_brings_the_whole_block_and_what_is_said_beside_it_wins(tmp_path: Path) -> None:
    text = """
sources:
  wiki:
    catalog: wikipedia
    limits: {concurrency: 1}
    freshness: {ttl: 1h}
"""
    wiki = load_config(written(tmp_path, text), {}).sources["wiki"]
    assert wiki.request is not None
    assert wiki.request.url.startswith("https://{lang:en}.wikipedia.org/")
    assert wiki.limits.concurrency == 1
    assert wiki.terms.license == "CC BY-SA 4.0"
    assert wiki.freshness.ttl == 3600.0


def test_what_a_block_takes_from_the_environment_is_there(tmp_path: Path) -> None:
    text = "sources:\n  works: {catalog: crossref}"
    environment = {"GATEWAY_CONTACT": "me@example.org"}
    works = load_config(written(tmp_path, text), environment).sources["works"]
    assert works.request is not None
    assert works.request.params["mailto"] == "me@example.org"


COMPOSITE = """
sources:
  trip:
    adapter: composite
    composite:
      parts:
        places: {catalog: PLACES}
        weather:
          catalog: weather
          needs: {lat: places.lat, lon: places.lon}
          under: weather
          limits: {retries: 0}
"""


def test_a_part_of_a_composite_source_may_come_from_the_catalog(tmp_path: Path) -> None:
    text = COMPOSITE.replace("PLACES", "open-meteo-places")
    composite = load_config(written(tmp_path, text), {}).sources["trip"].composite
    assert composite is not None
    weather = composite.parts["weather"]
    assert weather.request.url == "https://api.open-meteo.com/v1/forecast"
    assert weather.limits is not None
    assert (weather.limits.retries, len(weather.limits.quotas)) == (0, 3)
    assert weather.terms.license.startswith("CC BY 4.0")


def test_an_unknown_name_in_a_part_is_named_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(written(tmp_path, COMPOSITE.replace("PLACES", "open-meteo-place")), {})
    assert "sources.trip.composite.parts.places.catalog" in str(caught.value)
    assert "did you mean open-meteo-places?" in str(caught.value)


def test_every_block_of_the_catalog_loads_under_its_own_name(tmp_path: Path) -> None:
    lines = [f"  {name}: {{catalog: {name}}}" for name in catalog.names()]
    config = load_config(written(tmp_path, "\n".join(["sources:", *lines])), {})
    assert sorted(config.sources) == catalog.names()


def test_an_unknown_name_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(written(tmp_path, "sources:\n  w: {catalog: wikipeda}\n"), {})
    assert 'sources.w.catalog: the catalog has no "wikipeda"; did you mean wikipedia?' in str(
        caught.value
    )
