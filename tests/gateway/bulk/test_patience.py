from __future__ import annotations

import pytest

from adapters.errors import Kind, UpstreamError
from gateway.bulk.patience import TRIES, holds_source, wait_after

DAY = 86_400.0


def failed(kind: Kind, retry_after: float | None = None) -> UpstreamError:
    return UpstreamError(kind, "no", retry_after=retry_after)


@pytest.mark.parametrize("kind", [Kind.INVALID_INPUT, Kind.AUTH_CONFIG, Kind.MISCONFIGURED])
def test_what_another_try_would_not_mend_is_given_up(kind: Kind) -> None:
    assert wait_after(failed(kind), 0, DAY, 1.0) is None


def test_waits_double_and_the_tries_end() -> None:
    error = failed(Kind.TRANSIENT)
    waits = [wait_after(error, tries, DAY, 1.0) for tries in range(TRIES)]
    assert waits == [(10.0, 1), (20.0, 2), (40.0, 3), (80.0, 4), None]
    assert wait_after(failed(Kind.CIRCUIT_OPEN), TRIES - 1, DAY, 1.0) == (160.0, TRIES - 1)


def test_jitter_takes_at_most_half_of_a_wait() -> None:
    assert wait_after(failed(Kind.TRANSIENT), 0, DAY, 0.0) == (5.0, 1)


def test_a_spent_quota_is_waited_for_and_is_no_failure_of_the_lookup() -> None:
    error = failed(Kind.QUOTA_DAY, retry_after=3600.0)
    assert wait_after(error, 2, DAY, 0.5) == (3600.0, 2)
    assert holds_source(error)
    assert not holds_source(failed(Kind.MALFORMED))


def test_nothing_is_waited_for_beyond_the_patience_of_the_batch() -> None:
    assert wait_after(failed(Kind.QUOTA_DAY, retry_after=3600.0), 0, 3599.0, 0.5) is None
    assert wait_after(failed(Kind.TRANSIENT), 0, 1.0, 1.0) is None


def test_an_upstream_that_asks_for_more_time_gets_it() -> None:
    assert wait_after(failed(Kind.TRANSIENT, retry_after=120.0), 0, DAY, 1.0) == (120.0, 1)
