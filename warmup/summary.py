"""The report at the end of a run, for people or as JSON."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import orjson

from gateway.warming import Report, Warmed
from gateway.warming.costs import Costs


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did and what it cost."""

    report: Report
    fresh: int
    """Lookups that needed nothing."""
    costs: Costs
    seconds: float
    unended: int = 0
    """Lookups that the run was interrupted before."""

    @property
    def left(self) -> int:
        """Lookups that nobody has tried."""
        return self.report.count("left") + self.unended

    @property
    def whole(self) -> bool:
        """Whether nothing failed, and nothing is left."""
        return not (self.report.count("failed") or self.left)

    def as_text(self) -> str:
        """Return a line of counts."""
        counts = (self.report.count("done"), self._skipped, self.report.count("failed"))
        text = "loaded {}, fresh already {}, failed {}".format(*counts)
        left = f", left {self.left}" if self.left else ""
        calls = f"{self.costs.calls} calls"
        return f"{text}{left}; {calls}, {self.costs.spent}, {self.seconds:.1f} s"

    def as_json(self) -> str:
        """Return everything, what failed and what was left by name."""
        spent = self.costs.spent
        told = {
            "done": self.report.count("done"),
            "skipped": self._skipped,
            "failed": self.report.count("failed"),
            "left": self.left,
            "calls": self.costs.calls,
            "spent_usd": spent.usd,
            "unknown_prices": spent.unknown,
            "seconds": round(self.seconds, 3),
            "failures": [_told(each) for each in self.report.results if each.why],
        }
        return orjson.dumps(told, option=orjson.OPT_INDENT_2).decode()

    @property
    def _skipped(self) -> int:
        return self.fresh + self.report.count("skipped")


def show(outcome: Outcome, *, as_json: bool) -> None:
    """Print what went wrong on standard error, and the report."""
    if as_json:
        print(outcome.as_json())
        return
    left = [each for each in outcome.report.results if each.status == "left"]
    for each in outcome.report.results:
        if each.why and each.status != "left":
            lookup = each.lookup
            print(f"{each.status}: {lookup.source}: {lookup.text}: {each.why}", file=sys.stderr)
    if left:
        print(f"left: {len(left)} lookups: {left[0].why}", file=sys.stderr)
    print(outcome.as_text())


def _told(warmed: Warmed) -> dict[str, str]:
    lookup = warmed.lookup
    return {
        "status": warmed.status,
        "source": lookup.source,
        "query": lookup.text,
        "keyword": lookup.keyword,
        "why": warmed.why,
    }
