"""Who sends a head that was read before: worked out once, for as long as it is the same."""

from __future__ import annotations

from gateway.access.authenticator import Authenticator
from gateway.access.identity import Scope
from gateway.web.caller import Caller, make_caller
from gateway.web.limits import ClientLimits
from gateway.web.request_head import Head, Heads


class Recognition:
    """Tells who sends a request that nobody has parsed."""

    def __init__(self, authenticator: Authenticator, limits: ClientLimits) -> None:
        self._authenticator = authenticator
        self._limits = limits
        self.heads = Heads()
        """What is known of heads."""

    def caller(self, head: Head, peer: str, now: float) -> Caller | None:
        """Return who sends *head* from *peer* at *now* (Unix seconds), if they may search at all.

        None: they are not known yet, or are no more.
        """
        caller = head.caller
        if caller is not None and caller.peer == peer:
            until: float = caller.proof.until
            if now < until:
                return caller
        head.caller = self._recognize(head, peer)
        return head.caller

    def _recognize(self, head: Head, peer: str) -> Caller | None:
        # What a page of another origin may read is decided where its answer is prepared.
        proof = None if head.origin else self._authenticator.known(head.credential)
        if proof is None or not proof.identity.may(Scope.SEARCH):
            return None
        client = self._limits.client(proof.identity, peer, head.forwarded_for)
        return make_caller(proof, peer, client, head.accept_encoding)
