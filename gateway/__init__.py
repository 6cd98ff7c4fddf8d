"""The gateway: one lookup from its request to its answer."""
