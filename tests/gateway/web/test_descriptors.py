from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from gateway.web.descriptors import allow_many_connections


@pytest.fixture(autouse=True)
def limit() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_process_may_have_as_many_connections_as_its_user_may() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    assert allow_many_connections() == hard
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == hard
