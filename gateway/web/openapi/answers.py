"""Bodies of answers: the types behind the JSON that lookups are answered with."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct


class Problem(Struct):
    """Problem details (RFC 9457): the shape of every error."""

    type: Annotated[str, Meta(description="Names the kind of problem; ``about:blank``: its status")]
    title: str
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: Annotated[str, Meta(description="What is wrong this time, for people")]
    instance: Annotated[str, Meta(description="The path that was asked")]
    source: str | msgspec.UnsetType = msgspec.UNSET
    retry_after: Annotated[float, Meta(description="Seconds")] | msgspec.UnsetType = msgspec.UNSET
    parameter: str | msgspec.UnsetType = msgspec.UNSET
    pointer: (
        Annotated[str, Meta(description="Where in the body (RFC 6901)")] | msgspec.UnsetType
    ) = msgspec.UNSET
    nearest: (
        Annotated[list[str], Meta(description="What may have been meant")] | msgspec.UnsetType
    ) = msgspec.UNSET
    scope: Annotated[str, Meta(description="The scope that is lacking")] | msgspec.UnsetType = (
        msgspec.UNSET
    )
    reason: str | msgspec.UnsetType = msgspec.UNSET


class Summary(Struct):
    """What the records say, in a few sentences or as a structured report."""

    text: str | None
    by: Annotated[str, Meta(description="``extractive`` or ``openai:MODEL``")]
    at: Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
    grounded: Annotated[
        bool | None, Meta(description="Its numbers and names were all found in the records")
    ] = None
    report: Annotated[
        dict[str, Any] | None, Meta(description="The report, where the source asks for one")
    ] = None


class Item(Struct):
    """A record: the fields that its source declares, and its own summary where it has one."""

    id: str | int
    name: str | None = None


class Attribution(Struct):
    """Whom the records are from, to be shown with them."""

    text: str
    url: str | None
    license: str | None


class Name(Struct):
    """A name that is kept."""

    id: str
    name: str


Degraded = Literal["stale", "summary", "similar", "partial"]


class Answer(Struct):
    """The records of a lookup and their summary."""

    source: str
    query: str | None
    keyword: str | None
    total: Annotated[int | None, Meta(description="How many there are upstream")]
    items: list[Item]
    summary: Summary | None
    as_of: Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
    attribution: Attribution
    degraded: Annotated[list[Degraded], Meta(description="What this answer lacks")]
    similar_to: Annotated[str | None, Meta(description="Whose answer stands in for it")]
    suggestions: list[Name] | msgspec.UnsetType = msgspec.UNSET


class Answered(Struct):
    """One lookup of a batch that was answered."""

    status: Literal[200]
    answer: Answer
    age: int
    cache_status: str


class Unanswered(Struct):
    """One lookup of a batch that was not."""

    status: Annotated[int, Meta(ge=400, le=599)]
    problem: Problem


class Answers(Struct):
    """The answers of a batch, in the order of its lookups."""

    answers: Annotated[
        list[Any],
        Meta(
            extra_json_schema={
                "items": {
                    "oneOf": [
                        {"$ref": "#/components/schemas/Answered"},
                        {"$ref": "#/components/schemas/Unanswered"},
                    ]
                }
            }
        ),
    ]


class Suggestions(Struct):
    """Names that hold what was typed, the likeliest first."""

    suggestions: list[Name]


class SourceParameter(Struct):
    """A parameter that one source declares."""

    name: str
    type: Literal["text", "int", "float"]
    required: bool
    description: str
    default: str | msgspec.UnsetType = msgspec.UNSET
    enum: list[str] | msgspec.UnsetType = msgspec.UNSET
    min: float | msgspec.UnsetType = msgspec.UNSET
    max: float | msgspec.UnsetType = msgspec.UNSET
    together: list[str] | msgspec.UnsetType = msgspec.UNSET


class Source(Struct):
    """What can be asked of one upstream."""

    name: str
    description: str
    language: str
    parameters: list[SourceParameter]
    context: dict[str, list[str]]
    fields: list[str]
    attribution: Attribution


class Sources(Struct):
    """Every source that the caller may ask."""

    sources: list[Source]
