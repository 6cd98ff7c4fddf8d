"""Batches over a world that a test holds, and what works on them."""

from __future__ import annotations

from typing import Any

from gateway.bulk.batches import Batches
from gateway.bulk.spec import BatchesSpec
from gateway.bulk.work import Work
from storage.batches import BatchStore
from tests.gateway.world import World


class Worked:
    """A world in which batches are worked on; *more* is told to `Work`."""

    def __init__(self, store: BatchStore, spec: BatchesSpec, **more: Any) -> None:
        self.world = World()
        self.store = store
        self.batches = Batches(store, spec, clock=self.world.clock)
        self.work = Work(
            resolver=self.world.resolver,
            routes={"medicine": self.world.route},
            store=store,
            spec=spec,
            told=self.batches.tell,
            clock=self.world.clock,
            **more,
        )
