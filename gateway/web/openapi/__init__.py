"""What the routes take and give, told as OpenAPI 3.1 (``GET /openapi.json``).

Nothing is told twice: who may ask stands in `gateway.web.admission`, what upstreams' failures
become in `adapters.errors`, what sources take in their routes. Here stands the rest, by subject.
"""
