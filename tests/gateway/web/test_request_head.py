from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.web.request_head import _SPELLINGS, Head, Heads


def block(*lines: str) -> bytes:
    return "".join(f"\r\n{line}" for line in (*lines, "", "")).encode("latin-1")


def read(heads: Heads, *lines: str) -> tuple[Head, bytes] | None:
    """Read twice: the spelling of a line that differs each time is learned by the first."""
    heads.read(block(*lines))
    return heads.read(block(*lines))


def test_the_headers_that_decide_are_read_whatever_their_case_and_place() -> None:
    assert read(
        Heads(),
        "HOST: a",
        "AUTHORIZATION:  Bearer x ",
        "accept-encoding: gzip, br",
        'If-None-Match: "a"',
        "Origin: https://a.example",
        "X-Forwarded-For: 10.0.0.1",
    ) == (Head("x", "gzip, br", b'"a"', "https://a.example", "10.0.0.1"), b"")


def test_headers_that_decide_nothing_change_nothing() -> None:
    heads = Heads()
    plain = read(heads, "Host: a")
    assert plain == (Head(), b"")
    assert read(heads, "Host: a", "User-Agent: x", "Cookie: y", "Connection: Keep-Alive") == plain


def test_a_line_that_differs_each_time_is_cut_out_of_a_block_that_is_remembered() -> None:
    heads = Heads()
    assert heads.read(block("Host: a", "traceparent: 00-1", "X-Request-Id: r1")) is None
    assert heads.read(block("Host: a", "traceparent: 00-1", "X-Request-Id: r1")) is None
    for number in range(3):
        lines = ("Host: a", f"traceparent: 00-{number}", f"X-Request-Id: r{number}")
        assert heads.read(block(*lines)) == (Head(), f"r{number}".encode())
    assert heads._blocks.weight == 1


def test_a_line_that_differs_each_time_may_be_of_any_length_and_at_any_place() -> None:
    heads = Heads()
    heads.read(block("Host: a", "X-Request-Id: r", "Accept: x"))
    for name in ("r", "longer-than-that", "s", "another"):
        assert heads.read(block("Host: a", f"X-Request-Id: {name}", "Accept: x")) == (
            Head(),
            name.encode(),
        )
        assert heads.read(block(f"X-Request-Id: {name}", "Accept: x", "Host: a")) == (
            Head(),
            name.encode(),
        )


def test_only_so_many_spellings_of_such_a_line_are_known() -> None:
    heads = Heads()
    letters = "traceparent"
    for number in range(len(letters)):
        spelled = letters[:number] + letters[number].upper() + letters[number + 1 :]
        heads.read(block("Host: a", f"{spelled}: 00-1"))
    assert len(heads._differing) == _SPELLINGS


@pytest.mark.parametrize(
    "lines",
    [
        ("User-Agent: x",),
        ("Host: a", "Host: b"),
        ("Host: a", "User-Agent: x", "user-agent: y"),
        ("Host: a", "Authorization: x", "Authorization: y"),
        ("Host: a", "Content-Length: 0"),
        ("Host: a", "Transfer-Encoding: chunked"),
        ("Host: a", "Connection: close"),
        ("Host: a", "Connection: keep-alive, upgrade"),
        ("Host: a", "Upgrade: websocket"),
        ("Host: a", "Expect: 100-continue"),
        ("Host: a", "X-Session: s"),
        ("Host: a", "X-Request-Id: a b"),
        ("Host: a", f"X-Request-Id: {'a' * 129}"),
        ("Host: a", "X-Request-Id: a", "X-Request-Id: b"),
        ("Host: a", "X-Request-Id: a", "x-request-id: b"),
        ("Host: a", "traceparent: \x01"),
        ("Host: a", "Name : b"),
        ("Host: a", "no colon"),
        ("Host: a", " folded: b"),
        ("Host: a", "Name: \x00"),
        ("Host: a", "Name: caf\xe9"),
        ("Host: a", "Name: a\nOther: b"),
        ("Host: a", *(f"N{number}: x" for number in range(101))),
    ],
)
def test_whatever_asks_for_more_or_is_not_plain_is_left_to_the_parser(
    lines: tuple[str, ...],
) -> None:
    heads = Heads()
    for _ in range(4):
        assert heads.read(block(*lines)) is None


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_no_bytes_make_it_fail_and_what_it_read_once_it_reads_again(one: bytes, two: bytes) -> None:
    heads = Heads()
    for head in (one, two, b"\r\nHost: a\r\n" + one, b"\r\nHost: a\r\n" + one):
        heads.read(head)
        heads.read(head + b"\r\n\r\n")
    assert heads.read(b"\r\nHost: a\r\n\r\n") == (Head(), b"")


def test_what_is_remembered_is_bounded() -> None:
    heads = Heads(10)
    for number in range(35):
        heads.read(block("Host: a", f"If-None-Match: {number}"))
    assert heads._blocks.weight <= 10
