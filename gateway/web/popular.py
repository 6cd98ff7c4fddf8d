"""What is asked most, for ``/v1/stats?popular=20``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multidict import MultiMapping

from gateway.access.identity import Identity, Scope
from gateway.assembly import Gateway
from gateway.web.parameters import read_limit, read_single
from gateway.web.problems import ProblemError, bad_parameter
from storage.tier import TierError

NAME = "popular"


def wanted(query: MultiMapping[str]) -> int:
    """Return how many *query* asks for; 0: it does not. Raise `ProblemError`."""
    given: Mapping[str, str] = read_single(query)
    for name in given:
        if name != NAME:
            raise bad_parameter(name, "no such parameter", nearest=[NAME])
    return read_limit(given.get(NAME), NAME) or 0


async def popular(gateway: Gateway, identity: Identity, limit: int) -> list[dict[str, Any]]:
    """Return the *limit* lookups that are asked most, the first first.

    Who is no admin sees what their own tenant asks. Raise `ProblemError` when the table does not
    answer.
    """
    if not limit:
        return []
    tenant = "" if identity.may(Scope.ADMIN) else identity.tenant
    try:
        return await gateway.popularity.told(limit, gateway.routes, tenant=tenant)
    except TierError as error:
        raise ProblemError(503, "the table of what is popular does not answer") from error
