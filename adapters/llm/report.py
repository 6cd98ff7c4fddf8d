"""A structured report, as models write it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from adapters.errors import SummaryError


def parse_report(text: str) -> Mapping[str, Any]:
    """Return the JSON object in *text*, without the fence that some models put round it.

    Raise `SummaryError` when it is none.
    """
    body = text.strip().removeprefix("```json").removeprefix("```").removesuffix("```")
    try:
        report = json.loads(body)
    except ValueError as error:
        raise SummaryError("malformed", "The model's report is no JSON") from error
    if not isinstance(report, dict):
        raise SummaryError("malformed", "The model's report is no JSON object")
    return report
