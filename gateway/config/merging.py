"""One part of a configuration over another."""

from __future__ import annotations

from typing import Any


def merge(below: Any, above: Any) -> Any:
    """Return *above* laid over *below*: mappings key by key, anything else as a whole."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return below | {key: merge(below.get(key), value) for key, value in above.items()}
