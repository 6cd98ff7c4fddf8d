from __future__ import annotations

import pytest

from storage.redis_address import RedisAddress, parse_address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://cache", RedisAddress("single", (("cache", 6379),))),
        (
            "rediss://app:p%40ss@cache:7000/3",
            RedisAddress("single", (("cache", 7000),), True, "app", "p@ss", 3),
        ),
        (
            "redis+cluster://:secret@a:7000,b:7001,[::1]:7002",
            RedisAddress(
                "cluster", (("a", 7000), ("b", 7001), ("::1", 7002)), False, None, "secret"
            ),
        ),
        (
            "rediss+sentinel://a,b:5000/lookup/2",
            RedisAddress(
                "sentinel", (("a", 26379), ("b", 5000)), True, database=2, service="lookup"
            ),
        ),
    ],
)
def test_a_url_says_what_is_there_and_where(url: str, address: RedisAddress) -> None:
    assert parse_address(url) == address


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://user:hunter2@cache", "scheme"),
        ("redis+ring://user:hunter2@cache", "scheme"),
        ("redis://", "host"),
        ("redis://user:hunter2@cache:many", "host"),
        ("redis://user:hunter2@cache/first", "number"),
        ("redis+cluster://user:hunter2@a,b/1", "no databases"),
        ("redis+sentinel://user:hunter2@a,b", "no service"),
        ("redis+cluster://a,,b", "host"),
    ],
)
def test_a_wrong_url_is_told_without_its_password(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as error:
        parse_address(url)
    assert "hunter2" not in str(error.value)
