"""Nearly the same records share a summary only where every fact of theirs is equal."""

from pathlib import Path
from typing import Any

import pytest

from adapters.errors import SummaryError
from adapters.llm.embeddings import Embedding
from adapters.summarizers.base import Brief
from gateway.events import Embedded, Event, Events, TierFailed
from gateway.spend.budgets import Budgets, BudgetsSpec
from gateway.spend.embedding import PaidEmbedder
from gateway.summaries.drafting import Task
from gateway.summaries.near import NearDuplicates, cosine, signature
from storage.sqlite import open_sqlite
from storage.summary_inputs import SummaryInputs
from tests.gateway.world import World

BASE = "Adults take 500 mg of ibuprofen twice daily. Do not use with alcohol. Relieves headache."


class Scripted:
    """Vectors by the length of the text; all texts are much alike."""

    model = "e"

    def __init__(self) -> None:
        self.asked = 0
        self.broken = False
        self.turn = 0.0

    async def embed(self, text: str) -> Embedding:
        self.asked += 1
        if self.broken:
            raise SummaryError("unavailable", "down")
        return Embedding([1.0, self.turn if "pain in the head" in text else 0.0], 10)


def facts(text: str, **more: Any) -> tuple[str, ...]:
    return signature([{"id": "7", "name": "Pill", "text": text, **more}])


@pytest.mark.parametrize(
    "other",
    [
        "Adults take 500 mg of ibuprofen twice daily. Do not use with alcohol. Eases headache.",
        "Adults take 0.5 g of ibuprofen twice daily. Do not use with alcohol. Relieves headache.",
    ],
)
def test_other_words_for_the_same_facts_are_the_same(other: str) -> None:
    assert facts(other) == facts(BASE)
    assert facts(BASE, id="8") == facts(BASE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("500 mg", "400 mg"),
        ("500 mg", "500 mL"),
        ("twice", "once"),
        ("ibuprofen", "naproxen"),
        ("Do not use", "Use"),
        ("Adults", "Children"),
        ("alcohol", "aspirin"),
        ("with alcohol", "with grapefruit"),
    ],
)
def test_a_changed_fact_is_another_input_however_alike(old: str, new: str) -> None:
    assert facts(BASE.replace(old, new)) != facts(BASE)


def test_doses_that_change_hands_are_another_input() -> None:
    one = "Adults take 500 mg. Children take 250 mg."
    assert facts(one) != facts("Adults take 250 mg. Children take 500 mg.")


def test_another_name_is_another_input() -> None:
    assert facts(BASE, name="Other") != facts(BASE)


def test_likeness_is_the_cosine() -> None:
    assert cosine([1, 0], [2, 0]) == pytest.approx(1)
    assert cosine([1, 0], [0, 1]) == pytest.approx(0)
    assert cosine([1, 0], [1, 0, 0]) == cosine([0, 0], [1, 0]) == -1


def free(embedder: Scripted, events: Events) -> PaidEmbedder:
    budgets = Budgets(BudgetsSpec(), spent=lambda _: 0, today=str, events=events)
    return PaidEmbedder(embedder, None, budgets, events)


class Bench:
    def __init__(self, inputs: SummaryInputs) -> None:
        self.world = World()
        self.embedder = Scripted()
        self.seen: list[Event] = []
        events = Events(self.seen.append)
        self.near = NearDuplicates(inputs, free(self.embedder, events), 0.95, events)

    def task(self, digest: str, text: str = BASE, keyword: str = "") -> Task:
        brief = Brief("pill", ({"id": digest, "name": "Pill", "text": text},), "en")
        lookup = self.world.lookup("pill", keyword)
        return Task(lookup, self.world.route, self.world.summarizer, brief, digest)


@pytest.fixture
async def bench(tmp_path: Path) -> Any:
    database = await open_sqlite(str(tmp_path / "lookup.db"))
    yield Bench(SummaryInputs(database))
    await database.close()


ALIKE = BASE.replace("headache", "pain in the head")


async def test_an_alike_input_of_the_same_facts_is_found(bench: Bench) -> None:
    await bench.near.remember(bench.task("one"), 1e12)
    assert await bench.near.like(bench.task("two", ALIKE)) == "one"


async def test_an_input_that_is_not_alike_enough_is_not(bench: Bench) -> None:
    bench.embedder.turn = 1.0
    await bench.near.remember(bench.task("one"), 1e12)
    assert await bench.near.like(bench.task("two", ALIKE)) is None


async def test_a_changed_dose_is_not_found_and_costs_no_embedding(bench: Bench) -> None:
    await bench.near.remember(bench.task("one"), 1e12)
    assert await bench.near.like(bench.task("two", BASE.replace("500", "400"))) is None
    assert bench.embedder.asked == 1


async def test_another_angle_has_summaries_of_its_own(bench: Bench) -> None:
    await bench.near.remember(bench.task("one"), 1e12)
    assert await bench.near.like(bench.task("two", ALIKE, keyword="pregnancy")) is None


async def test_an_embedder_that_fails_is_an_event_and_no_fault(bench: Bench) -> None:
    await bench.near.remember(bench.task("one"), 1e12)
    bench.embedder.broken = True
    assert await bench.near.like(bench.task("two", ALIKE)) is None
    await bench.near.remember(bench.task("two", ALIKE), 1e12)
    failed = [event.operation for event in bench.seen if isinstance(event, TierFailed)]
    assert failed == ["get", "put"]


async def test_an_input_that_is_like_no_other_is_embedded_once(bench: Bench) -> None:
    bench.embedder.turn = 1.0
    await bench.near.remember(bench.task("one"), 1e12)
    two = bench.task("two", ALIKE)
    assert await bench.near.like(two) is None
    await bench.near.remember(two, 1e12)
    assert bench.embedder.asked == 2
    assert await bench.near.like(bench.task("three", ALIKE)) == "two"


async def test_each_embedding_is_told_with_what_it_took(bench: Bench) -> None:
    await bench.near.remember(bench.task("one"), 1e12)
    told = [event for event in bench.seen if isinstance(event, Embedded)]
    assert [(each.model, each.prompt_tokens) for each in told] == [("e", 10)]
