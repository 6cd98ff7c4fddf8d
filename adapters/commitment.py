"""Whether a piece of work has begun to cost: said where the call is made, heard by its owner.

Who asks an upstream or a model says `commit` when the call really goes out. Whoever owns the
work (a flight) hears of it, however many layers lie between, and lets it finish from then on
although nobody waits for it any more: what is paid for is kept.
"""

from __future__ import annotations

from contextvars import Context, ContextVar, copy_context


class Commitment:
    """The mark of one piece of work: *made* from its first costly call on."""

    __slots__ = ("_followers", "made")

    def __init__(self) -> None:
        self.made = False
        self._followers: list[Commitment] = []

    def commit(self) -> None:
        """Set the mark, here and for all whose work depends on this one."""
        if self.made:
            return
        self.made = True
        for follower in self._followers:
            follower.commit()

    def bind_current(self) -> None:
        """Let the work in which this is called be committed when this one is, or is already."""
        follower = _current.get()
        if follower is None or follower is self:
            return
        if self.made:
            follower.commit()
        else:
            self._followers.append(follower)


_current: ContextVar[Commitment | None] = ContextVar("commitment", default=None)


def commit() -> None:
    """Say that a call which costs goes out now; without an owner nobody hears."""
    current = _current.get()
    if current is not None:
        current.commit()


def context_of(commitment: Commitment) -> Context:
    """Return a context for the task of a piece of work: what commits in it sets its mark."""
    context = copy_context()
    context.run(_current.set, commitment)
    return context
