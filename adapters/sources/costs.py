"""What one call counts for in a quota, where an upstream weighs calls by what is asked.

``limits.cost`` is a number, or arithmetic over the parameters of the question, such as
``ceil(days / 7) * count(variables)`` (Open-Meteo weighs by locations, variables and days). It
compiles when the configuration is read.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Collection, Mapping
from typing import Final

from adapters.source import Query
from adapters.sources.spec import SpecError

PATH = "limits.cost"
LONGEST = 200
MOST = 1_000_000
"""No call counts for more."""
_Number = Callable[[Mapping[str, str]], float]
_OPERATORS: Final[Mapping[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_FUNCTIONS: Final[Mapping[str, Callable[..., float]]] = {
    "ceil": math.ceil,
    "floor": math.floor,
    "max": max,
    "min": min,
}
_SEPARATOR = re.compile(r"[,;|\s]+")


class Cost:
    """Weighs the calls of one source."""

    def __init__(self, spec: int | str, params: Collection[str] = ()) -> None:
        """Compile *spec*, which may be made of *params* and ``q``; raise `SpecError`."""
        self._params = {"q", *params}
        self._number = self._compiled(str(spec))
        self._fixed = min(spec, MOST) if isinstance(spec, int) else 0

    def of(self, query: Query) -> int:
        """Return what a call for *query* counts for: 1 at least, and whole."""
        if self._fixed:
            return self._fixed
        try:
            weight = self._number({"q": query.text, **query.params})
        except (ArithmeticError, ValueError):
            return 1  # a division by a parameter that is zero
        return min(max(1, math.ceil(weight)), MOST) if math.isfinite(weight) else 1

    def _compiled(self, text: str) -> _Number:
        try:
            tree = ast.parse(text[: LONGEST + 1], mode="eval")
        except (SyntaxError, ValueError) as error:
            raise _wrong(text) from error
        if len(text) > LONGEST:
            raise _wrong(text)
        return self._node(tree.body, text)

    def _node(self, node: ast.expr, text: str) -> _Number:
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                number = float(value)
                return lambda _: number
            case ast.Name(id=name):
                self._check(name)
                return lambda given: _value(given.get(name, ""))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                one, other = self._node(left, text), self._node(right, text)
                do = _OPERATORS[type(op)]
                return lambda given: do(one(given), other(given))
            case ast.Call(func=ast.Name(id="count"), args=[ast.Name(id=name)], keywords=[]):
                self._check(name)
                return lambda given: float(_count(given.get(name, "")))
            case ast.Call(func=ast.Name(id=called), args=args, keywords=[]) if (
                called in _FUNCTIONS and _fits(called, len(args))
            ):
                function, parts = _FUNCTIONS[called], [self._node(each, text) for each in args]
                return lambda given: float(function(*(part(given) for part in parts)))
        raise _wrong(text)

    def _check(self, name: str) -> None:
        if name not in self._params:
            raise SpecError(PATH, f"{name!r} is no parameter of this source")


def _wrong(text: str) -> SpecError:
    what = "write a number, or + - * / with parameters, ceil, floor, max, min, count(parameter)"
    return SpecError(PATH, f"{text[:LONGEST]!r} is no cost: {what}")


def _fits(called: str, arguments: int) -> bool:
    return arguments == 1 if called in ("ceil", "floor") else arguments >= 2


def _value(text: str) -> float:
    """Return the number of a parameter; one that is not given weighs as one."""
    return float(text) if text else 1.0


def _count(text: str) -> int:
    """Return of how many things a parameter is a list, one at least."""
    return max(1, len([each for each in _SEPARATOR.split(text) if each]))
