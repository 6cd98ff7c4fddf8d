"""HTTP: the only place in the gateway that knows aiohttp's server."""
