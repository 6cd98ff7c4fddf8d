"""Traces, where ``telemetry.endpoint`` says who takes them; without it nothing is imported."""
