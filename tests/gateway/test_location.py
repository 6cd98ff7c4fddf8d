"""Near a point: what is shared by a cell, and what is the asker's own."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sources.spec import ParamSpec, SpecError
from gateway.location import LocationSpec, Point, check_location, distance, located, near

PARAMS = {
    "lat": ParamSpec(type="float", min=33, max=39),
    "lon": ParamSpec(type="float", min=124, max=132),
    "radius": ParamSpec(type="int", max=20_000),
}
GRID = LocationSpec(grid=0.005)


@pytest.mark.parametrize(
    ("here", "there", "meters"),
    [
        ((37.5665, 126.978), (37.5665, 126.978), 0),
        ((0, 0), (0, 1), 111_195),
        ((37.5665, 126.978), (35.1796, 129.0756), 325_100),  # Seoul to Busan
        ((0, 179.999), (0, -179.999), 222),
        ((90, 0), (90, 77), 0),
        ((0, 0), (0, 180), 20_015_115),
    ],
)
def test_the_distance_is_that_of_a_sphere(
    here: tuple[float, float], there: tuple[float, float], meters: float
) -> None:
    assert distance(*here, *there) == pytest.approx(meters, rel=0.002, abs=1)


POINTS = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@given(POINTS, POINTS)
def test_it_is_as_far_there_as_back_and_never_beyond_the_other_side(
    here: tuple[float, float], there: tuple[float, float]
) -> None:
    far = distance(*here, *there)
    assert far == pytest.approx(distance(*there, *here), abs=1e-6)
    assert 0 <= far <= math.pi * 6_371_009


def test_two_askers_of_a_cell_share_what_is_asked_and_keep_their_own_points() -> None:
    one, here = located(GRID, PARAMS, {"lat": "37.5663", "lon": "126.9779", "kind": "a"})
    two, there = located(GRID, PARAMS, {"lat": "37.5651", "lon": "126.9801", "kind": "a"})
    assert one == two == {"lat": "37.565", "lon": "126.98", "kind": "a"}
    assert (here, there) == (Point(37.5663, 126.9779), Point(37.5651, 126.9801))


def test_without_a_point_nothing_is_rounded() -> None:
    assert located(GRID, PARAMS, {"kind": "a"}) == ({"kind": "a"}, None)


SEOUL = st.tuples(st.floats(33, 39), st.floats(124, 132))


@given(SEOUL, st.integers(1, 15_000), st.floats(0, 2 * math.pi), st.floats(0, 1))
def test_the_upstream_is_asked_for_enough_around_the_cell(
    asker: tuple[float, float], radius: int, bearing: float, share: float
) -> None:
    given_ = {"lat": repr(asker[0]), "lon": repr(asker[1]), "radius": str(radius)}
    shared, _ = located(GRID, PARAMS, given_)
    north = share * radius * math.cos(bearing) / 111_195
    east = share * radius * math.sin(bearing) / (111_195 * math.cos(math.radians(asker[0])))
    place = asker[0] + north, asker[1] + east
    if distance(*asker, *place) <= radius:
        middle = float(shared["lat"]), float(shared["lon"])
        assert distance(*middle, *place) <= float(shared["radius"]) + 1e-6


def test_radii_of_much_the_same_size_are_one_and_stay_within_what_the_upstream_takes() -> None:
    def asked(radius: int) -> str:
        values = {"lat": "37.5", "lon": "127", "radius": str(radius)}
        return located(GRID, PARAMS, values)[0]["radius"]

    assert asked(500) == asked(600) == "1000"
    assert asked(20_000) == "20000"


def test_a_radius_that_the_upstream_does_not_know_stays_with_the_asker() -> None:
    spec = LocationSpec(grid=0.005, radius="here")
    values = {"lat": "37.5", "lon": "127.0", "radius": "300"}
    assert located(spec, PARAMS, values) == (
        {"lat": "37.5", "lon": "127.0"},
        Point(37.5, 127.0, 300.0),
    )


RECORDS = (
    {"id": "far", "lat": 37.51, "lon": 127.0},
    {"id": "nowhere", "lat": None, "lon": 127.0},
    {"id": "near", "lat": 37.501, "lon": 127.0, "distance_m": 9},
)


def test_records_are_told_by_their_distance_the_nearest_first() -> None:
    seen = near(RECORDS, Point(37.5, 127.0))
    assert [(record["id"], record["distance_m"]) for record in seen] == [
        ("near", 111), ("far", 1112), ("nowhere", None)
    ]  # fmt: skip
    assert RECORDS[2]["distance_m"] == 9


def test_what_is_beyond_the_radius_is_left_out() -> None:
    assert [record["id"] for record in near(RECORDS, Point(37.5, 127.0, 500))] == [
        "near",
        "nowhere",
    ]


@pytest.mark.parametrize(
    ("grid", "params", "fields", "path"),
    [
        (0, PARAMS, (), "location.grid"),
        (1, {"lat": PARAMS["lat"]}, (), "location"),
        (1, PARAMS, ("distance_m",), "response.fields.distance_m"),
    ],
)
def test_a_source_that_cannot_be_asked_about_places_is_refused(
    grid: float, params: dict[str, ParamSpec], fields: tuple[str, ...], path: str
) -> None:
    with pytest.raises(SpecError) as caught:
        check_location(LocationSpec(grid=grid), params, fields)
    assert caught.value.path == path
