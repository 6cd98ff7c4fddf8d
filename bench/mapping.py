"""``python -m bench.mapping``: from a body to records, µs a record, beside plain code."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from xml.etree import ElementTree

from adapters.http import Reply
from adapters.sources.reader import Reader
from adapters.sources.spec import ResponseSpec, SuccessSpec

ROWS = 100
FIELDS = {
    "name": "itemName",
    "maker": "entpName",
    "purpose": "efcyQesitm",
    "usage": "useMethodQesitm",
    "storage": "depositMethodQesitm",
    "image": "itemImage",
}
TEXT = (
    "이 약은 감기로 인한 발열 및 동통(통증), 두통, 신경통에 사용합니다.\n\n1회 1~2정씩 복용합니다."
)


def rows() -> list[dict[str, str | None]]:
    """Return rows like those of e약은요, a kilobyte each."""
    return [
        {"itemSeq": str(number), **dict.fromkeys(FIELDS.values(), TEXT), "itemImage": None}
        for number in range(ROWS)
    ]


def as_json() -> bytes:
    """Return them in the envelope of data.go.kr."""
    body = {"header": {"resultCode": "00"}, "body": {"items": rows(), "totalCount": ROWS}}
    return json.dumps(body, ensure_ascii=False).encode()


def as_xml() -> bytes:
    """Return them as XML."""
    items = "".join(
        "<item>"
        + "".join(f"<{key}>{value or ''}</{key}>" for key, value in row.items())
        + "</item>"
        for row in rows()
    )
    head = "<header><resultCode>00</resultCode></header>"
    return (
        f"<response>{head}<body><items>{items}</items><totalCount>{ROWS}</totalCount></body>"
        "</response>"
    ).encode()


def plain_json(body: bytes) -> int:
    """Map with the standard library and nothing checked."""
    items = json.loads(body)["body"]["items"]
    return len([{"id": row["itemSeq"], **{k: row[v] for k, v in FIELDS.items()}} for row in items])


def plain_xml(body: bytes) -> int:
    """Map with the standard library and nothing checked."""
    items = ElementTree.fromstring(body).iter("item")
    return len(
        [{"id": row.findtext("itemSeq"), **{k: row.findtext(v) for k, v in FIELDS.items()}}
         for row in items]
    )  # fmt: skip


def reader(records: str) -> Reader:
    """Return what reads either form."""
    return Reader(
        ResponseSpec(
            errors=("datagokr",),
            envelope=("response", "@"),
            success=SuccessSpec(path="header.resultCode", equals=("00",)),
            records=records,
            unwrap="item",
            total="body.totalCount",
            id="itemSeq",
            fields=dict(FIELDS),
        )
    )


def microseconds(work: Callable[[], object], rounds: int) -> float:
    """Return the best CPU time of *rounds*, in µs a record."""
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best * 1e6 / ROWS


def main(rounds: int = 30) -> int:
    """Print the table."""
    body, document, source = as_json(), as_xml(), reader("body.items")
    table = [
        ("JSON, declarative", lambda: source.read(Reply(200, body))),
        ("JSON, plain json and dicts", lambda: plain_json(body)),
        ("XML, declarative", lambda: source.read(Reply(200, document))),
        ("XML, plain ElementTree", lambda: plain_xml(document)),
    ]
    for name, work in table:
        sys.stdout.write(f"{name:<28}{microseconds(work, rounds):8.2f} µs a record\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
