"""Watches: lookups that are repeated on a schedule, and what changed is told."""
