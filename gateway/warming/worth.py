"""Whether it is worth its price to renew an answer before it expires: pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gateway.config.warmup import AheadSpec


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of an answer that is about to expire."""

    rate: float
    """Lookups a second, of late."""
    life: float
    """Seconds by which a renewal now puts off its expiry."""
    seconds: float
    """What a miss takes."""
    price: float
    """What a renewal costs now, and a miss later, in USD."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to renew, and what was weighed; money is in USD."""

    renew: bool
    chance: float
    """That it is asked before it would expire again."""
    gain: float
    """What it is worth: the chance, times what a miss would cost."""
    price: float


def decide(case: Case, spec: AheadSpec) -> Decision:
    """Weigh a renewal: what a miss costs times its chance, against the price of the renewal.

    A miss costs the same call, and somebody's waiting for it.
    """
    chance = -math.expm1(-max(case.rate, 0.0) * max(case.life, 0.0))
    gain = chance * (case.price + case.seconds * spec.second_usd)
    renew = chance > 0 and chance >= spec.least_chance and gain > case.price
    return Decision(renew, chance, gain, case.price)
