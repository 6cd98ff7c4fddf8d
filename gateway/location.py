"""Lookups near a point: shared by a grid's cell, answered for the asker's own point; pure.

The upstream is asked for the middle of the cell, and for so much more around it that nothing
within the asker's radius is missing; who stands where in the cell shows only when the answer
is given.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

from adapters.source import Record
from adapters.sources.spec import ParamSpec, SpecError
from adapters.sources.units import Spec

EARTH = 6_371_008.8
"""Mean radius in meters (IUGG)."""
DISTANCE = "distance_m"
"""The field that says how far a record is from the asker, in whole meters."""
STEP = 250
"""Meters; radii that upstreams are asked for are multiples of it, so that near ones share."""


class LocationSpec(Spec, frozen=True, kw_only=True):
    """``location:`` of a source whose parameters are ``lat``, ``lon`` and perhaps ``radius``."""

    grid: Annotated[float, msgspec.Meta(gt=0)]
    """Degrees between the points that the upstream is asked for: 0.005 is about 500 m."""
    radius: Literal["upstream", "here"] = "upstream"
    """Who minds ``radius``, in meters: the upstream, which is asked for more, or we alone."""


@dataclass(frozen=True, slots=True)
class Point:
    """Where the asker is."""

    lat: float
    lon: float
    radius: float | None = None
    """In meters; None: however far."""

    @property
    def view(self) -> str:
        """Name what the answer looks like from here."""
        return f"{self.lat}:{self.lon}:{self.radius}"


def check_location(
    spec: LocationSpec, params: Mapping[str, ParamSpec], fields: Collection[str]
) -> None:
    """Raise `SpecError` where a source cannot be asked about places."""
    if not 0 < spec.grid <= 10:
        raise SpecError("location.grid", "expected degrees, such as 0.005")
    for name in ("lat", "lon"):
        if name not in params:
            raise SpecError("location", f"the source has no parameter {name}")
    if DISTANCE in fields:
        raise SpecError(
            f"response.fields.{DISTANCE}", "the gateway says how far; the upstream may not"
        )


def located(
    spec: LocationSpec, params: Mapping[str, ParamSpec], values: Mapping[str, str]
) -> tuple[dict[str, str], Point | None]:
    """Return *values* with the cell in the place of the point, and the point.

    Without ``lat`` and ``lon`` there is no point, and *values* are as they were.
    """
    if "lat" not in values or "lon" not in values:
        return dict(values), None
    lat, lon = float(values["lat"]), float(values["lon"])
    radius = float(values["radius"]) if "radius" in values else None
    middle = {name: _on_grid(float(values[name]), spec.grid, params[name]) for name in _AXES}
    shared = {**values, **{name: repr(value) for name, value in middle.items()}}
    if radius is not None:
        if spec.radius == "here":
            del shared["radius"]
        else:
            wide = _step_up(radius + _reach(middle["lat"], spec.grid))
            most = params["radius"].max
            shared["radius"] = str(round(wide if most is None else min(wide, most)))
    return shared, Point(lat, lon, radius)


def near(records: Collection[Record], point: Point) -> list[dict[str, Any]]:
    """Return *records* as seen from *point*: with their distance, the nearest first.

    What is beyond its radius is left out; what has no coordinates comes last, at no distance.
    """
    seen = ({**record, DISTANCE: _meters(record, point)} for record in records)
    limit = math.inf if point.radius is None else point.radius
    within = [record for record in seen if (record[DISTANCE] or 0) <= limit]
    return sorted(within, key=lambda record: (record[DISTANCE] is None, record[DISTANCE] or 0))


def distance(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Return the meters between two points on a sphere (haversine); within 0.6 % of the truth."""
    phi, other_phi = math.radians(lat), math.radians(other_lat)
    half = math.sin((other_phi - phi) / 2) ** 2
    half += math.cos(phi) * math.cos(other_phi) * math.sin(math.radians(other_lon - lon) / 2) ** 2
    return 2 * EARTH * math.asin(math.sqrt(min(1.0, half)))


_AXES = ("lat", "lon")


def _meters(record: Record, point: Point) -> int | None:
    lat, lon = record.get("lat"), record.get("lon")
    if not isinstance(lat, int | float) or not isinstance(lon, int | float):
        return None
    return round(distance(point.lat, point.lon, lat, lon))


def _on_grid(value: float, grid: float, spec: ParamSpec) -> float:
    middle = round(round(value / grid) * grid, 9) + 0.0
    if spec.min is not None and middle < spec.min:
        return spec.min
    return middle if spec.max is None else min(middle, spec.max)


def _reach(lat: float, grid: float) -> float:
    """Return the meters from the middle of a cell at *lat* to its farthest corner."""
    nearer_equator = max(0.0, abs(lat) - grid / 2)
    return max(
        distance(abs(lat), 0.0, nearer_equator, grid / 2),
        distance(abs(lat), 0.0, min(90.0, abs(lat) + grid / 2), grid / 2),
    )


def _step_up(meters: float) -> float:
    return float(math.ceil(meters / STEP) * STEP)
