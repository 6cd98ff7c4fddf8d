"""Filling the tiers before anyone asks: ``python -m warmup``."""
