"""Batches of lookups: done behind callers, kept until they are done, told as they are."""
