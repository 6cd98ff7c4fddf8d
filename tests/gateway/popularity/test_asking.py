from __future__ import annotations

from dataclasses import replace

from gateway.lookup import Lookup
from gateway.popularity.asking import askable, read, shown, written
from storage.popularity import PopularRow, weight_at
from tests.gateway.world import World

NOW = 1_800_000_000.0
LOOKUP = Lookup(
    "medicine",
    "타이레놀",
    {"maker": "한국얀센"},
    keyword="임산부",
    language="ko",
    tenant="public",
    asker="app",
    context=(("age", "child"),),
)


def row(lookup: Lookup) -> PopularRow:
    return PopularRow(
        lookup.key, "app", lookup.source, written(lookup), 8 * weight_at(NOW), NOW - 3600
    )


def test_a_lookup_is_the_same_after_it_was_written_and_read() -> None:
    found = read(row(LOOKUP))
    assert found == LOOKUP
    assert found is not None
    assert (found.key, found.asker) == (LOOKUP.key, "app")


def test_what_asks_for_another_key_or_is_no_lookup_is_not_asked() -> None:
    routes = {"medicine": World().route}
    rows = [
        row(LOOKUP),
        replace(row(LOOKUP), key="v0:public:medicine:1"),
        replace(row(LOOKUP), lookup="{"),
        row(replace(LOOKUP, source="gone")),
    ]
    assert [lookup for _, lookup in askable(rows, routes)] == [LOOKUP]


def test_people_see_what_is_asked_and_how_often() -> None:
    told = shown(row(LOOKUP), LOOKUP, NOW)
    assert (told["query"], told["keyword"], told["lookups"]) == ("타이레놀", "임산부", 8.0)
    assert told["per_day"] > 150
