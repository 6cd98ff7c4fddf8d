"""Whether memory holds what the gateway wants it to hold before it calls itself ready."""

from __future__ import annotations


class Warmth:
    """Warm, unless somebody has begun to fill memory and has not ended."""

    def __init__(self) -> None:
        self._filling = False

    @property
    def ready(self) -> bool:
        """Whether nothing more is waited for."""
        return not self._filling

    def begin(self) -> None:
        """Note that memory is being filled."""
        self._filling = True

    def end(self) -> None:
        """Note that it is as full as it will be."""
        self._filling = False
