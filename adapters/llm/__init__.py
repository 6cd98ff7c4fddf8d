"""Clients of chat and embeddings APIs."""
