"""Whatever an upstream sends, the reader gives records or a classified error, and soon."""

from __future__ import annotations

import json
import time
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.errors import UpstreamError
from adapters.http import Reply
from adapters.sources.reader import Reader
from adapters.sources.spec import FieldSpec, ResponseSpec

Format = Literal["json", "xml", "csv"]
READERS = {
    name: Reader(
        ResponseSpec(
            format=name,
            errors=("datagokr", "openfda", "seoul", "ncbi", "mediawiki", "openmeteo"),
            records="rows || @",
            total="total",
            id="id || title",
            fields={
                "name": "name",
                "n": FieldSpec(path="n", cast="int", scale=1e300),
                "day": FieldSpec(path="day", cast="date"),
                "doc": FieldSpec(path="doc", cast="xml"),
            },
        )
    )
    for name in ("json", "xml", "csv")
}
SOMETHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["rows", "total", "id", "n", "day", "doc", "error", "RESULT"])
            | st.text(),
            inner,
        )
    ),
    max_leaves=12,
)
LAUGHS = '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "' + "&a;" * 999 + '">]><r><id>&b;</id></r>'
BODIES = (
    st.binary()
    | SOMETHING.map(lambda value: json.dumps(value).encode())
    | SOMETHING.flatmap(
        lambda value: st.integers(0, 40).map(lambda cut: json.dumps(value).encode()[:cut])
    )
    | st.text(alphabet="<>/&;abr![]CDAT '=").map(str.encode)
)


def read(kind: str, body: bytes, charset: str = "", status: int = 200) -> None:
    try:
        page = READERS[kind].read(Reply(status, body, charset))
    except UpstreamError:
        return
    assert all(isinstance(record["id"], str) and record["id"] for record in page.records)
    assert page.total >= len(page.records)


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(["json", "xml", "csv"]),
    body=BODIES,
    charset=st.sampled_from(["", "utf-8", "euc-kr", "utf-16", "no-such", "utf-7"]),
    status=st.sampled_from([200, 404, 429, 500]),
)
def test_any_bytes_are_records_or_a_classified_error(
    kind: str, body: bytes, charset: str, status: int
) -> None:
    read(kind, body, charset, status)


@pytest.mark.parametrize(
    "body",
    [
        LAUGHS.encode(),
        b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r><id>&x;</id></r>',
        b"[" * 100_000,
        b"<a>" * 100_000,
        b'{"rows": [{"id": ' + b"9" * 100_000 + b"}]}",
        b'{"rows": [{"id": 1, "n": "' + b"9" * 5000 + b'"}]}',
        b'{"rows": [{"id": 1, "doc": "' + b"<a>" * 50_000 + b'"}]}',
        b'{"rows": [{"id": "\\ud800"}]}',
        b"\xff\xfe" + b"<" * 50_000,
        b'<?xml version="1.0" encoding="EUC-KR"?><r><id>' + b"\xff" * 100 + b"</id></r>",
    ],
)
def test_bombs_end_soon_and_show_nothing(body: bytes) -> None:
    started = time.thread_time()
    for kind in READERS:
        try:
            page = READERS[kind].read(Reply(200, body))
        except UpstreamError:
            continue
        assert "root:" not in str(page.records)
        assert len(str(page.records)) < 300_000
    assert time.thread_time() - started < 2
