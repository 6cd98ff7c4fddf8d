"""Routes that change what is kept, and who may ask."""

from __future__ import annotations

from gateway.web.openapi import answers, bodies, figures
from gateway.web.openapi.headers import ANSWER
from gateway.web.openapi.lookups import UPSTREAM
from gateway.web.openapi.operation import Described, Operation, Reply

_KEPT = "What is kept"
_ACCESS = "Tokens"

CHANGES: Described = {
    ("POST", "/v1/invalidate"): Operation(
        _KEPT,
        "Withdraw what is kept",
        {200: Reply("Withdrawn: no replica serves it any more", figures.Withdrawn)},
        "One of a lookup (`source`, `q` and its other parameters), a whole `source`, a `source` "
        "and a `pattern` of names (`타이*`), a `tag`, an `item`, or `all`. With `wait: false` "
        "others may serve it a moment longer.",
        body=bodies.Withdrawal,
        fails=frozenset({404, 503}),
    ),
    ("POST", "/v1/refresh"): Operation(
        _KEPT,
        "Ask the upstream anew",
        {200: Reply("What it says now", answers.Answer, headers=ANSWER)},
        "However fresh what is kept may be; it is kept then.",
        body=bodies.Lookup,
        fails=UPSTREAM | {404, 406},
    ),
    ("POST", "/v1/tokens"): Operation(
        _ACCESS,
        "Mint a short-lived token",
        {200: Reply("A token, and a refresh token if one was wanted", figures.Token)},
        "A backend's key gives its phones a token that can do no more than the key: at most an "
        "hour, for some sources and scopes, with a limit of its own.",
        body=bodies.TokenWanted,
        fails=frozenset({403, 404}),
    ),
    ("POST", "/v1/tokens/refresh"): Operation(
        _ACCESS,
        "Exchange a refresh token for the next pair",
        {200: Reply("The next pair", figures.Token)},
        "It is good for one exchange: whoever shows it again has it revoked, and all that came "
        "of it.",
        body=bodies.RefreshToken,
        fails=frozenset({401, 404}),
    ),
}
