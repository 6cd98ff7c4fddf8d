"""``${NAME}`` and ``${NAME:-default}`` in any text value; ``$${`` stands for ``${``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.config.faults import Fault, join

_REFERENCE = re.compile(
    r"\$(?:(?P<escaped>\$\{)|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}"
    r"|(?P<broken>\{))"
)


class FromEnvironment(str):
    """A text that holds a value from the environment, and how the file wrote it.

    It is perhaps a secret: messages show `written` in its place.
    """

    __slots__ = ("written",)
    written: str

    def __new__(cls, text: str, written: str) -> FromEnvironment:
        """Keep *text* for use and *written* for messages."""
        self = super().__new__(cls, text)
        self.written = written
        return self


def substitute(value: Any, env: Mapping[str, str], path: str, faults: list[Fault]) -> Any:
    """Return *value* with every reference in it replaced; missing names go to *faults*."""
    if isinstance(value, dict):
        return {
            key: substitute(below, env, join(path, str(key)), faults)
            for key, below in value.items()
        }
    if isinstance(value, list):
        return [
            substitute(below, env, join(path, index), faults) for index, below in enumerate(value)
        ]
    if isinstance(value, str) and "${" in value:
        return _substitute_text(value, env, path, faults)
    return value


def _substitute_text(text: str, env: Mapping[str, str], path: str, faults: list[Fault]) -> str:
    def replacement(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "${"
        if match["broken"]:
            faults.append(
                Fault(path, "a reference is ${NAME} or ${NAME:-default}; $${ is a plain ${")
            )
            return ""
        name, default = match["name"], match["default"]
        # As in a shell, :- also stands in for an empty value: an unset and a blank key are alike.
        found = env.get(name) or default if default is not None else env.get(name)
        if found is None:
            faults.append(
                Fault(path, f"the environment has no {name}; ${{{name}:-}} makes it optional")
            )
            return ""
        return found

    return FromEnvironment(_REFERENCE.sub(replacement, text), text)
