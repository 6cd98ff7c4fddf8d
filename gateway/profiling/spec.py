"""``profiling:`` as the configuration has it."""

from __future__ import annotations

from adapters.sources.units import Duration, Spec, seconds


class ProfilingSpec(Spec, frozen=True, kw_only=True):
    """What is kept of the slow."""

    slow_query: Duration = seconds(0.1)
    """A statement that takes longer is kept, with its text and its plan; never with its values."""
