"""Profiling that is always there: slow statements, slow routes and keys, and a sampling profile."""
