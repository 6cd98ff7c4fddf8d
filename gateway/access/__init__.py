"""Who may ask: API keys, an identity provider's JWTs, and short-lived tokens for mobile clients."""
