"""Summarizers: the extractive one, which needs nothing, and those that ask a model."""
