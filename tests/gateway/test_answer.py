from __future__ import annotations

import msgspec
import orjson

from adapters.source import Payload
from gateway.answer import Answer, decode_records, degradations, encode_head, encode_records
from gateway.lookup import Lookup
from storage.entry import Entry, Part
from tests.gateway.world import CREDIT, POLICY

ITEMS = ({"id": "1", "name": "가", "maker": "x"}, {"id": "2", "name": "나", "maker": "y"})


def answer(summary: bytes | None = b'{"text":"t"}', degraded: tuple[str, ...] = ()) -> Answer:
    lookup = Lookup("medicine", "가", keyword="임신")
    entry = Entry(
        lookup.key,
        "medicine",
        encode_head(lookup),
        Part(encode_records(Payload(ITEMS, 7, CREDIT, 1_800_000_000.0)), 1_800_000_000.0),
        None if summary is None else Part(summary, 0.0),
        empty=False,
        keep_until=0.0,
    )
    return Answer(entry, POLICY, "hit", "memory", 1_800_000_030.5, degraded)


def test_the_body_is_what_the_interface_says() -> None:
    assert orjson.loads(answer().body()) == {
        "source": "medicine",
        "query": "가",
        "keyword": "임신",
        "total": 7,
        "items": [{**item, "summary": None} for item in ITEMS],
        "as_of": "2027-01-15T08:00:00Z",
        "attribution": {"text": "the source", "url": "https://example.org", "license": "CC0"},
        "summary": {"text": "t"},
        "degraded": [],
        "similar_to": None,
    }


def test_fields_and_limit_choose_from_the_kept_records_and_leave_the_entry_alone() -> None:
    kept = answer()
    body = orjson.loads(kept.body(fields=["name"], limit=1))
    assert body["items"] == [{"id": "1", "name": "가"}]
    assert body["total"] == 7
    assert len(orjson.loads(kept.body())["items"]) == 2


def test_who_wants_no_summary_sees_none_and_no_complaint() -> None:
    body = orjson.loads(answer(None, ("stale", "summary")).body(summary=False))
    assert (body["summary"], body["degraded"]) == (None, ["stale"])


def test_age_and_time_to_live_are_whole_seconds() -> None:
    assert (answer().age, answer().ttl) == (30, 69)


def test_the_tag_follows_everything_that_is_shown() -> None:
    tags = {answer().etag, answer(None).etag, answer(degraded=("stale",)).etag}
    assert len(tags) == 3
    assert answer().etag == answer().etag


def test_what_is_missing_is_said_and_an_empty_answer_misses_no_summary() -> None:
    entry = answer(None).entry
    assert degradations(entry, stale=True, summary_expected=True) == ("stale", "summary")
    assert degradations(entry, stale=False, summary_expected=False) == ()
    failed = msgspec.structs.replace(entry, summary=Part(b"null", 0.0, retry=30.0))
    assert degradations(failed, stale=False, summary_expected=True) == ("summary",)


def test_data_that_are_older_than_their_asking_say_so() -> None:
    old = Payload(ITEMS, 2, CREDIT, at=1_800_000_000.0, as_of=1_700_000_000.0)
    assert b'"as_of":"2023-11-14T22:13:20Z"' in encode_records(old)


def test_records_come_back_as_they_were_encoded() -> None:
    assert decode_records(answer().entry.records.body)[0]["name"] == "가"
