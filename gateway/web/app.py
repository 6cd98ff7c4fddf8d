"""The application: its routes and what every request goes through, each in one list."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway.assembly import Gateway
from gateway.config import Config
from gateway.processes.worker import Worker
from gateway.rates import networks
from gateway.web import batches, watches
from gateway.web.admission import admit
from gateway.web.audit import audit
from gateway.web.batch import batch
from gateway.web.cors import allow_origins
from gateway.web.description import DESCRIPTIONS, Descriptions, description
from gateway.web.encoding import EncodedBodies
from gateway.web.events import end_events, events
from gateway.web.health import alive, ready
from gateway.web.hit_log import HitLog
from gateway.web.hit_path import HITS, HitPath
from gateway.web.invalidate import invalidate
from gateway.web.keys import BODIES, GATEWAY
from gateway.web.limits import LIMITS, ClientLimits, limit_clients
from gateway.web.listing import sources
from gateway.web.live import live
from gateway.web.measuring import measure
from gateway.web.metrics import REGISTRY, make_registry, metrics
from gateway.web.middlewares import MAX_BODY, MIDDLEWARES, identify
from gateway.web.pages import PAGES, dashboard, docs, load_pages, part
from gateway.web.plain import PLAIN, PlainLookups
from gateway.web.profile import profile
from gateway.web.recognition import Recognition
from gateway.web.refresh import refresh
from gateway.web.search import search
from gateway.web.seats import SEATS, Seats
from gateway.web.server import ADMIN, run
from gateway.web.sessions import forget
from gateway.web.shared_answer import Answers
from gateway.web.stats import stats
from gateway.web.stream import stream
from gateway.web.suggest import suggest
from gateway.web.tokens import mint, renew

ROUTES = (
    web.get("/v1/search", search),
    web.get("/v1/search/stream", stream),
    web.post("/v1/search", batch),
    web.post("/v1/batches", batches.make),
    web.get("/v1/batches/{id}", batches.show),
    web.delete("/v1/batches/{id}", batches.cancel),
    web.get("/v1/batches/{id}/results", batches.results),
    web.post("/v1/watches", watches.make),
    web.get("/v1/watches", watches.list_),
    web.get("/v1/watches/{id}", watches.show),
    web.patch("/v1/watches/{id}", watches.change),
    web.delete("/v1/watches/{id}", watches.remove),
    web.post("/v1/refresh", refresh),
    web.post("/v1/invalidate", invalidate),
    web.post("/v1/tokens", mint),
    web.post("/v1/tokens/refresh", renew),
    web.delete("/v1/sessions", forget),
    web.get("/v1/suggest", suggest),
    web.get("/v1/sources", sources),
    web.get("/v1/audit", audit),
    web.get("/v1/stats", stats),
    web.get("/v1/stats/stream", live),
    web.get("/v1/events", events),
    web.get("/metrics", metrics),
    web.post("/v1/debug/profile", profile),
    web.get("/healthz", alive),
    web.get("/readyz", ready),
    web.get("/openapi.json", description),
    web.get("/docs", docs),
    web.get("/dashboard", dashboard),
    web.get("/pages/{name}", part),
)

OPERATING = frozenset(
    {
        *("/metrics", "/dashboard", "/v1/stats", "/v1/stats/stream", "/v1/events", "/v1/audit"),
        *("/v1/invalidate", "/v1/debug/profile"),
    }
)
"""Paths that ``server.admin`` puts on a port of their own."""
EVERYWHERE = frozenset(
    {
        *("/healthz", "/readyz", "/pages/{name}", "/openapi.json", "/docs"),
        *("/v1/search", "/v1/sources", "/v1/suggest", "/v1/refresh"),
    }
)
"""Paths that stand on both: the dashboard looks things up as well."""


def make_app(gateway: Gateway) -> web.Application:
    """Return an application that answers from *gateway*, which its caller opens and closes.

    With ``server.admin`` it holds another, `ADMIN`, which answers those who operate the gateway.
    """
    config = gateway.config
    apart = OPERATING if config.server.admin is not None else frozenset()
    app = _application(gateway, [route for route in ROUTES if route.path not in apart])
    recognition = Recognition(gateway.access.authenticator, app[LIMITS])
    app[HITS] = HitPath(
        tiers=gateway.tiers,
        recognition=recognition,
        limits=app[LIMITS],
        bodies=app[BODIES],
        events=gateway.events,
        max_bytes=config.memory.ready_bytes,
        origins=bool(config.server.cors),
        log=HitLog(config.logs.sample_hits),
        clock=gateway.clock,
    )
    app.on_cleanup.append(_tell_hits)
    app[SEATS] = _seats(gateway, app, recognition)
    app[PLAIN] = PlainLookups(
        gateway,
        limits=app[LIMITS],
        bodies=app[BODIES],
        seats=app[SEATS],
    )
    sizes = {"encoded": lambda: app[BODIES].size, "ready": lambda: app[HITS].size}
    app[REGISTRY] = make_registry(gateway, sizes)
    if apart:
        admin = _application(gateway, [r for r in ROUTES if r.path in apart | EVERYWHERE])
        admin[REGISTRY] = app[REGISTRY]
        admin[HITS] = app[HITS]
        admin[SEATS] = app[SEATS]
        admin[PLAIN] = app[PLAIN]
        app[ADMIN] = admin
    return app


async def _tell_hits(app: web.Application) -> None:
    # Those of the last second: the gateway, which is closed after it, keeps accounts of them.
    app[HITS].flush()


def _seats(gateway: Gateway, app: web.Application, recognition: Recognition) -> Seats:
    config = gateway.config
    answers = Answers(
        bodies=app[BODIES],
        limits=app[LIMITS],
        events=gateway.events,
        sampled=config.logs.sample_hits,
        clock=gateway.clock,
        origins=bool(config.server.cors),
    )
    return Seats(
        routes=gateway.routes,
        flights=gateway.flights,
        tiers=gateway.tiers,
        recognition=recognition,
        clock=gateway.clock,
        answers=answers,
    )


def _application(gateway: Gateway, routes: list[web.RouteDef]) -> web.Application:
    config = gateway.config
    app = web.Application(
        middlewares=(identify, *_traced(gateway), measure, *MIDDLEWARES, admit),
        client_max_size=MAX_BODY,
    )
    app[GATEWAY] = gateway
    app[BODIES] = EncodedBodies(config.memory.encoded_bytes)
    app[LIMITS] = ClientLimits(config.clients, networks(config.server.trusted_proxies))
    limit_clients(app, app[LIMITS])
    allow_origins(app, config.server.cors)
    app[DESCRIPTIONS] = Descriptions(anyone=gateway.access.authenticator.open)
    app[PAGES] = load_pages()
    end_events(app)
    app.add_routes(routes)
    return app


def _traced(gateway: Gateway) -> tuple[Middleware, ...]:
    if not gateway.observing.tracing.on:
        return ()
    from gateway.web.traced import trace  # noqa: PLC0415 - OpenTelemetry is loaded where it is used

    return (trace,)


async def serve(config: Config, worker: Worker | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code: 1 when the gateway could not begin.

    A *worker* listens on what it has inherited.
    """
    return await run(config, make_app, worker)
