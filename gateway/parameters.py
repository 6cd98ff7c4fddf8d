"""Whether a caller's parameters are those that a source declares: pure, before any call.

Upstreams ignore names that they do not know and answer something else (``api-quirks`` §1.1,
"Unknown params"), so an unknown name is an error here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches

from adapters.sources.spec import ParamSpec


class BadLookupError(ValueError):
    """A lookup that cannot be asked; *parameter* names the one at fault."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(f"{parameter}: {message}")
        self.parameter = parameter
        self.message = message


def accepted(specs: Mapping[str, ParamSpec], given: Mapping[str, str]) -> dict[str, str]:
    """Return *given* with defaults, each value in one form; raise `BadLookupError`."""
    for name in given:
        if name not in specs:
            raise BadLookupError(name, _unknown(name, specs))
    values = {}
    for name, spec in specs.items():
        value = given.get(name, "").strip() or spec.default
        if value:
            values[name] = _value(name, spec, value)
        elif spec.required:
            raise BadLookupError(name, "this source needs it")
    for name in values:
        for other in specs[name].together:
            if other not in values:
                raise BadLookupError(other, f"{name} needs it")
    return values


def _unknown(name: str, specs: Mapping[str, ParamSpec]) -> str:
    near = get_close_matches(name, specs, n=1)
    if near:
        return f"unknown parameter; did you mean {near[0]}?"
    return f"unknown parameter; this source has {', '.join(specs) or 'none of its own'}"


def _value(name: str, spec: ParamSpec, value: str) -> str:
    if len(value) > spec.max_length:
        raise BadLookupError(name, f"at most {spec.max_length} characters")
    if spec.enum and value not in spec.enum:
        raise BadLookupError(name, f"one of {', '.join(spec.enum)}")
    if spec.pattern and not re.fullmatch(spec.pattern, value):
        raise BadLookupError(name, f"must match {spec.pattern}")
    return value if spec.type == "text" else _number(name, spec, value)


_INT = re.compile(r"[+-]?[0-9]{1,18}")
_FLOAT = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")


def _number(name: str, spec: ParamSpec, value: str) -> str:
    """Return a number in one spelling, so that 37.50 and 37.5 share an entry."""
    whole = spec.type == "int"
    if not (_INT if whole else _FLOAT).fullmatch(value):
        raise BadLookupError(name, "must be a whole number" if whole else "must be a number")
    number = int(value) if whole else float(value)
    if spec.min is not None and number < spec.min:
        raise BadLookupError(name, f"at least {spec.min:g}")
    if spec.max is not None and number > spec.max:
        raise BadLookupError(name, f"at most {spec.max:g}")
    return repr(number + 0)
