"""What is asked of a chat model: messages, and the form of a structured answer.

Servers differ in the forms that they take (api-quirks §11.2): the strictest goes first, and
a server that refuses it is asked in the next one. The prompt holds the schema as well, for
those that ignore the form without a word.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from adapters.llm.chat import Message

Schema = Mapping[str, Any]


class Form(Enum):
    """How a structured answer is asked for, strictest first."""

    STRICT = "strict"
    """``json_schema`` with ``strict``: the server lets nothing else be written."""
    SCHEMA = "schema"
    """``json_schema``: for schemas that strict mode refuses."""
    OBJECT = "object"
    """``json_object``: some JSON object."""
    PROMPT = "prompt"
    """By words alone."""


class Forms:
    """Which form one server takes for each schema, learned as it refuses."""

    def __init__(self) -> None:
        self._taken: dict[str, Form] = {}

    def to_try(self, schema: Schema | None) -> tuple[Form, ...]:
        """Return the forms in which *schema* may be asked for, the best first."""
        if schema is None:
            return (Form.PROMPT,)
        forms = tuple(Form)
        return forms[forms.index(self._taken.get(_name(schema), Form.STRICT)) :]

    def took(self, schema: Schema | None, form: Form) -> None:
        """Remember that *form* was answered: the next call does not try the others first."""
        if schema is not None:
            self._taken[_name(schema)] = form


def request(
    model: str, messages: Sequence[Message], schema: Schema | None, form: Form
) -> dict[str, Any]:
    """Return the arguments of a chat completion."""
    asked: dict[str, Any] = {
        "model": model,
        "messages": [{"role": message.role, "content": message.text} for message in messages],
    }
    if schema is not None and form is Form.OBJECT:
        asked["response_format"] = {"type": "json_object"}
    elif schema is not None and form is not Form.PROMPT:
        wanted: dict[str, Any] = {"name": "report", "schema": _without_ours(schema)}
        if form is Form.STRICT:
            wanted["strict"] = True
        asked["response_format"] = {"type": "json_schema", "json_schema": wanted}
    return asked


def _without_ours(schema: Any) -> Any:
    """Return *schema* without ``x-`` keywords, which strict mode refuses."""
    if isinstance(schema, Mapping):
        return {
            key: _without_ours(value)
            for key, value in schema.items()
            if not str(key).startswith("x-")
        }
    return [_without_ours(item) for item in schema] if isinstance(schema, list) else schema


def _name(schema: Schema) -> str:
    return json.dumps(schema, sort_keys=True)
