"""Several records in one call: what is asked, and whose each part of the answer is."""

import json
from collections.abc import Mapping
from typing import Any

from adapters.summarizers.base import Brief, Draft, Usage
from gateway.items import apart, chunks, read_items, together, with_summaries
from storage.entry import Part

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"risk": {"$ref": "#/$defs/r"}},
    "$defs": {"r": {}},
}
BODY = b'"total":2,"items":[{"id":"1","summary":null},{"id":"2","summary":"their own"}],"as_of":""'
OURS = b'{"text":"x","by":"openai:m","at":"now","grounded":true}'


def brief(number: int, size: int = 1, schema: Mapping[str, Any] | None = None) -> Brief:
    return Brief(f"n{number}", ({"id": str(number), "text": "x" * size},), "en", schema=schema)


def test_groups_are_bounded_by_number_and_by_size() -> None:
    sizes = [1, 1, 1, 15_000, 15_000, 30_000, 1]
    groups = chunks([brief(n, size) for n, size in enumerate(sizes)], 2)
    assert [[b.query for b in group] for group in groups] == [
        ["n0", "n1"],
        ["n2", "n3"],
        ["n4"],
        ["n5"],
        ["n6"],
    ]


def test_one_call_asks_for_each_record_by_its_number_in_a_strict_schema() -> None:
    whole = together([brief(1), brief(2)])
    assert (whole.each, whole.query, len(whole.records)) == (True, "", 2)
    assert whole.schema is not None
    entry = whole.schema["properties"]["summaries"]["items"]
    assert entry["required"] == ["record", "summary"]
    assert entry["properties"]["summary"] == {"type": "string"}
    assert whole.schema["additionalProperties"] is False


def test_the_definitions_of_a_report_stay_where_its_references_look() -> None:
    whole = together([brief(1, schema=SCHEMA), brief(2, schema=SCHEMA)])
    assert whole.schema is not None
    assert whole.schema["$defs"] == SCHEMA["$defs"]
    assert "$defs" not in whole.schema["properties"]["summaries"]["items"]["properties"]["summary"]


def test_each_record_gets_its_own_whatever_the_order_and_the_rubbish() -> None:
    said = [{"record": 2, "summary": " two "}, {"record": 9, "summary": "x"}, "y", {"record": True}]
    drafts = apart(Draft("", "m", {"summaries": said}, usage=Usage(5, None, 2)), [brief(1)] * 2)
    assert [draft.text for draft in drafts] == ["", "two"]
    assert [draft.usage for draft in drafts] == [Usage(3, None, 1), Usage(2, None, 1)]


def test_a_report_of_each_record_is_an_object_with_its_text() -> None:
    said = [{"record": 1, "summary": {"summary": "one", "risk": 1}}, {"record": 2, "summary": "x"}]
    briefs = [brief(1, schema=SCHEMA), brief(2, schema=SCHEMA)]
    one, two = apart(Draft("", "m", {"summaries": said}), briefs)
    assert (one.text, one.report) == ("one", {"summary": "one", "risk": 1})
    assert (two.text, two.report) == ("", None)


def test_an_answer_without_summaries_says_nothing_of_any() -> None:
    assert apart(Draft("", "m", {"summaries": 3}), [brief(1)])[0].text == ""
    assert apart(Draft("", "m"), [brief(1)])[0].text == ""


def test_summaries_are_spliced_in_and_read_out_and_a_field_of_the_record_stays_one() -> None:
    part = with_summaries(Part(BODY, 0.0, digest="d"), [OURS, None])
    assert json.loads(b"{" + part.body + b"}")["items"][0]["summary"]["text"] == "x"
    one, _ = read_items(part.body)
    assert (one.record, one.summary) == ({"id": "1"}, OURS)
    plain = read_items(BODY)
    assert plain[0].digest == one.digest
    assert plain[1].record == {"id": "2", "summary": "their own"}
