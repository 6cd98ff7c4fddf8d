"""Which answers are errors, and of which kind: rules of the configuration, then HTTP's own."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import msgspec
import yaml

from adapters.errors import Kind, UpstreamError
from adapters.http import Reply
from adapters.sources.documents import Document
from adapters.sources.expressions import Expression, as_texts, compile_pattern
from adapters.sources.spec import ErrorRule, SpecError, SuccessSpec
from adapters.sources.units import dec_hook

_BY_STATUS = {
    400: (Kind.INVALID_INPUT, "the upstream found the request wrong"),
    401: (Kind.AUTH_CONFIG, "the upstream refused our key"),
    403: (Kind.AUTH_CONFIG, "the upstream forbids us to ask"),
    408: (Kind.TRANSIENT, "the upstream timed out"),
    422: (Kind.INVALID_INPUT, "the upstream found the request wrong"),
    425: (Kind.TRANSIENT, "the upstream wants another try"),
    429: (Kind.QUOTA_SHORT, "the upstream wants fewer calls"),
}


class Rule:
    """A compiled `ErrorRule`."""

    def __init__(self, path: str, spec: ErrorRule) -> None:
        """Compile *spec*, which stands at *path*; raise `SpecError`."""
        if not (spec.status or spec.body or spec.path):
            raise SpecError(path, "a rule needs a status, a body or a path")
        if (spec.equals or spec.matches) and not spec.path:
            raise SpecError(path, "'equals' and 'matches' need a 'path' to look at")
        self.spec = spec
        self._body = compile_pattern(f"{path}.body", spec.body)
        self._find = Expression(f"{path}.path", spec.path or "@")
        self._matches = compile_pattern(f"{path}.matches", spec.matches)

    def holds(self, status: int, document: Document, seen: dict[str, Any]) -> bool:
        """Tell whether every condition holds for an answer.

        *seen* keeps what paths found in it, since the rules of a family share a few.
        """
        if self.spec.status and status not in self.spec.status:
            return False
        if self.spec.body and not self._body.search(document.text):
            return False
        return not self.spec.path or self._finds(document.value, seen)

    def _finds(self, value: Any, seen: dict[str, Any]) -> bool:
        if self.spec.path not in seen:
            seen[self.spec.path] = self._find.find(value)
        found = seen[self.spec.path]
        if not (self.spec.equals or self.spec.matches):
            return bool(found)
        texts = list(as_texts(found))
        if self.spec.equals and not any(text in self.spec.equals for text in texts):
            return False
        return not self.spec.matches or any(self._matches.search(text) for text in texts)


class Judge:
    """Says of an answer whether it is one."""

    def __init__(self, rules: tuple[ErrorRule | str, ...]) -> None:
        """Compile *rules*; raise `SpecError`."""
        self._rules: list[Rule] = []
        for number, rule in enumerate(rules):
            path = f"response.errors[{number}]"
            family = _family(path, rule) if isinstance(rule, str) else (rule,)
            self._rules += [Rule(path, each) for each in family]

    def is_empty(self, reply: Reply, document: Document) -> bool:
        """Tell whether the answer is a legal "no match"; raise `UpstreamError` on an error."""
        seen: dict[str, Any] = {}
        for rule in self._rules:
            if rule.holds(reply.status, document, seen):
                if rule.spec.kind == "empty":
                    return True
                raise _error(rule.spec, reply)
        if not 200 <= reply.status < 300:
            raise _status_error(reply)
        return False


class Success:
    """A compiled `SuccessSpec`: what a good answer says of itself."""

    def __init__(self, spec: SuccessSpec | None) -> None:
        """Compile *spec*; raise `SpecError`. Without one, every answer passes."""
        self._equals = () if spec is None else spec.equals
        self._find = Expression("response.success.path", "`true`" if spec is None else spec.path)

    def check(self, value: Any) -> None:
        """Raise `UpstreamError` unless *value* says that it is a good answer."""
        found = self._find.find(value)
        good = (
            any(text in self._equals for text in as_texts(found)) if self._equals else bool(found)
        )
        if not good:
            raise UpstreamError(
                Kind.MALFORMED, "the upstream's answer does not say that it succeeded"
            )


@cache
def _load_family(name: str) -> tuple[ErrorRule, ...]:
    text = (resources.files("adapters.sources") / "rules" / f"{name}.yaml").read_text("utf-8")
    return msgspec.convert(yaml.safe_load(text), tuple[ErrorRule, ...], dec_hook=dec_hook)


def _family(path: str, name: str) -> tuple[ErrorRule, ...]:
    try:
        return _load_family(name)
    except (OSError, ValueError) as error:
        raise SpecError(path, f"there is no family of rules named {name!r}") from error


def _error(spec: ErrorRule, reply: Reply) -> UpstreamError:
    kind = Kind(spec.kind)
    wait = spec.retry_after if reply.retry_after is None else reply.retry_after
    say = spec.say or kind.consequence.title[0].lower() + kind.consequence.title[1:]
    return UpstreamError(kind, say, retry_after=wait)


def _status_error(reply: Reply) -> UpstreamError:
    if reply.status in _BY_STATUS:
        kind, say = _BY_STATUS[reply.status]
    elif reply.status >= 500:
        kind, say = Kind.TRANSIENT, "the upstream failed"
    else:
        kind, say = Kind.MALFORMED, "the upstream gave an unexpected status"
    return UpstreamError(kind, f"{say} (HTTP {reply.status})", retry_after=reply.retry_after)
