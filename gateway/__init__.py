"""The gateway: one lookup from its request to its answer."""

VERSION = "0.1.0"
"""As in ``pyproject.toml``."""
