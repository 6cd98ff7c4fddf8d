"""Access as the configuration has it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import structlog

from adapters.http import open_session
from gateway.access.audit import AuditLog
from gateway.access.authenticator import Authenticator, Open, Required
from gateway.access.grants import Grants
from gateway.access.jwks import Issuer
from gateway.access.keyring import KeyRing
from gateway.access.published import fetching
from gateway.access.spec import AccessSection, IssuerSpec
from gateway.access.tokens import Tokens
from gateway.config import Config, ConfigError, Fault
from gateway.events import Audited, Events
from storage.access import ApiKeyStore, AuditStore, RefreshStore
from storage.sql import Database

_log = structlog.get_logger(__name__)
_NOBODY = (
    "{host} is a public address and nobody could be let in: make a key (python -m gateway keys "
    "create --tenant NAME), name an issuer, or say mode: open to let everybody in"
)


@dataclass(frozen=True, slots=True)
class Access:
    """Who is let in, and what keys hand on."""

    authenticator: Authenticator
    grants: Grants | None
    """None: no tokens are minted, for access is open or has no ``token_secret``."""
    audit: AuditStore


async def open_access(
    stack: AsyncExitStack,
    config: Config,
    database: Database,
    events: Events,
    clock: Callable[[], float],
) -> Access:
    """Return what lets people in; raise `ConfigError` where nobody could be, or `TierError`."""
    section, server = config.access, config.server
    hosts = (server.host,) if server.admin is None else (server.host, server.admin.host)
    audit = AuditStore(database)
    log = AuditLog(audit, clock)
    events.subscribe(log, Audited)
    stack.push_async_callback(log.settled)
    if not required(section, *hosts):
        return Access(Open(), None, audit)
    ring = KeyRing(ApiKeyStore(database), clock)
    await ring.load()
    if not (ring.count or section.issuers):
        if section.mode == "auto":
            raise ConfigError((Fault("access.mode", _NOBODY.format(host=_public(hosts))),))
        _log.warning("access.no_keys", hint="python -m gateway keys create --tenant NAME")
    await stack.enter_async_context(ring.followed())
    tokens = Tokens(section.token_secret, clock) if section.token_secret else None
    grants = None if tokens is None else Grants(tokens, RefreshStore(database), ring, clock)
    issuers = {spec.issuer: await _issuer(stack, spec, clock) for spec in section.issuers}
    authenticator = Required(keys=ring, tokens=tokens, issuers=issuers, clock=clock)
    return Access(authenticator, grants, audit)


def required(section: AccessSection, *hosts: str) -> bool:
    """Whether who asks has to show something where the gateway listens on *hosts*."""
    if section.mode != "auto":
        return section.mode == "required"
    return bool(_public(hosts))


def _public(hosts: Sequence[str]) -> str:
    """Return the first of *hosts* that is no loopback address; empty: all are."""
    return next((host for host in hosts if not _is_loopback(host)), "")


async def _issuer(stack: AsyncExitStack, spec: IssuerSpec, clock: Callable[[], float]) -> Issuer:
    session = open_session(allow_private=spec.allow_private, connections=2)
    return Issuer(spec, fetching(await stack.enter_async_context(session)), clock)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
