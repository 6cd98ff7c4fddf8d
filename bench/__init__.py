"""Measurements of the gateway beside something bare, in the same run: ``python -m bench``."""
