"""Plots without a library: horizontal bars as SVG, readable in light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_ROW, _LEFT, _WIDTH = 26, 190, 420
_STYLE = "text{font:13px system-ui,sans-serif;fill:#666}rect{fill:#4a7fb5}.title{font-weight:600}"


def bars(title: str, values: Sequence[tuple[str, float]]) -> str:
    """Return a plot of *values* by their names, the largest as wide as the plot."""
    most = max(value for _, value in values)
    height = _ROW * (len(values) + 1) + 14
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 80} {height}" '
        f'role="img"><title>{escape(title)}</title><style>{_STYLE}</style>',
        f'<text class="title" x="0" y="18">{escape(title)}</text>',
    ]
    for number, (name, value) in enumerate(values, 1):
        top, width = number * _ROW + 4, value / most * _WIDTH
        parts.append(
            f'<text x="0" y="{top + 14}">{escape(name)}</text>'
            f'<rect x="{_LEFT}" y="{top}" width="{width:.1f}" height="18" rx="2"/>'
            f'<text x="{_LEFT + width + 6:.1f}" y="{top + 14}">{value:.1f}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])
