import gc
from collections.abc import Iterator

import pytest

from gateway.collection import THRESHOLDS, settle


@pytest.fixture
def collector() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.mark.usefixtures("collector")
def test_what_a_server_begins_with_is_not_gone_through_again() -> None:
    there = [[number] for number in range(1000)]
    settle()
    assert gc.get_freeze_count() > 1000
    assert gc.get_threshold() == THRESHOLDS
    young = [[number] for number in range(10)]
    assert len(gc.get_objects()) < 1000
    assert (len(there), len(young)) == (1000, 10)
