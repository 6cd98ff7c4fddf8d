"""Several upstreams as one source: asked side by side, merged, and honest about what is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from adapters.errors import Kind, UpstreamError
from adapters.source import Attribution, Payload, Priority, Query, Record, Source
from adapters.sources.composition import CompositeSpec, PartSpec, needed_part
from adapters.sources.expressions import as_texts
from adapters.sources.merging import Merger, PartAnswer
from adapters.sources.spec import SpecError


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    spec: PartSpec
    source: Source
    needed: str
    """The part whose records fill its placeholders; empty: nobody's."""
    key: str
    """The field of that part's records by which they are told apart."""


class CompositeSource:
    """Asks its parts, each as soon as what it needs is there."""

    def __init__(
        self,
        spec: CompositeSpec,
        sources: Mapping[str, Source],
        credit: Attribution,
        clock: Callable[[], float],
        *,
        seconds: float,
    ) -> None:
        """Compile *spec*; *sources* are its parts by their names.

        A part that is not there after *seconds* is missing from a caller's answer. Raise
        `SpecError`.
        """
        self._parts = _in_order(spec, sources)
        self._merger = Merger(spec)
        self._credit = credit
        self._clock = clock
        self._seconds = seconds

    @property
    def parts(self) -> Mapping[str, Source]:
        """The sources of which it is made, by the names of their parts."""
        return {part.name: part.source for part in self._parts}

    async def fetch(self, query: Query) -> Payload:
        """Return the merged records; ``partial`` names the parts that could not be had.

        Raise `UpstreamError` when a required part, or every part that gives records, failed.
        """
        if query.whole:
            raise UpstreamError(Kind.INVALID_INPUT, "a source of several parts has no listing")
        # A warm-up has more time, and its guard minds it.
        patient = query.priority >= Priority.WARMUP
        ends = None if patient else asyncio.get_running_loop().time() + self._seconds
        tasks: dict[str, asyncio.Task[PartAnswer]] = {}
        async with asyncio.TaskGroup() as group:
            for part in self._parts:
                asked = self._answer(part, query, tasks.get(part.needed), ends)
                tasks[part.name] = group.create_task(asked)
        answers = {name: task.result() for name, task in tasks.items()}
        self._refuse_without_what_is_needed(answers)
        records, total = self._merger.merge(answers)
        dates = [answer.as_of for answer in answers.values() if answer.as_of is not None]
        return Payload(
            records,
            total,
            self._credit,
            min((answer.at for answer in answers.values() if answer.at), default=self._clock()),
            as_of=min(dates, default=None),
            partial=tuple(name for name, answer in answers.items() if answer.error is not None),
        )

    async def _answer(
        self, part: _Part, query: Query, needed: asyncio.Task[PartAnswer] | None, ends: float | None
    ) -> PartAnswer:
        try:
            async with asyncio.timeout_at(ends):
                if needed is None:
                    return _whole(await part.source.fetch(query))
                return await _for_records(part, query, await asyncio.shield(needed))
        except TimeoutError:
            late = UpstreamError(Kind.TIMEOUT, f"no answer within {self._seconds:g} s")
            return PartAnswer(error=late)
        except UpstreamError as error:
            return PartAnswer(error=error)

    def _refuse_without_what_is_needed(self, answers: Mapping[str, PartAnswer]) -> None:
        errors = {name: answer.error for name, answer in answers.items() if answer.error}
        for part in self._parts:
            if part.spec.required and part.name in errors:
                raise errors[part.name]
        rows = [part.name for part in self._parts if not part.spec.under]
        if all(name in errors and not answers[name].records for name in rows):
            raise errors[rows[0]]


async def _for_records(part: _Part, query: Query, needed: PartAnswer) -> PartAnswer:
    """Ask *part* for the first record that it *needed*, or for each of them."""
    if needed.error is not None and not needed.records:
        raise UpstreamError(needed.error.kind, f"it needs {part.needed}: {needed.error.message}")
    owners = needed.records[: part.spec.max_each] if part.spec.each else needed.records[:1]
    asked = [(owner.get(part.key), _filled(part.spec.needs, owner)) for owner in owners]
    found = await asyncio.gather(
        *(_ask(part.source, query, owner, values) for owner, values in asked if values)
    )
    return _joined(part, found, cut=part.spec.each and len(needed.records) > len(owners))


async def _ask(source: Source, query: Query, owner: Any, values: Mapping[str, str]) -> PartAnswer:
    try:
        asked = msgspec.structs.replace(query, params={**query.params, **values})
        payload = await source.fetch(asked)
    except UpstreamError as error:
        return PartAnswer(error=error)
    return _whole(payload, owner)


def _joined(part: _Part, found: Sequence[PartAnswer], *, cut: bool) -> PartAnswer:
    errors = [answer.error for answer in found if answer.error is not None]
    if cut:
        many = f"only {part.spec.max_each} records of {part.needed} were asked for"
        errors.append(UpstreamError(Kind.OVERLOADED, many))
    dates = [answer.as_of for answer in found if answer.as_of is not None]
    return PartAnswer(
        records=tuple(record for answer in found for record in answer.records),
        owners=tuple(owner for answer in found for owner in answer.owners),
        total=sum(answer.total for answer in found),
        at=min((answer.at for answer in found if answer.at), default=0.0),
        as_of=min(dates, default=None),
        error=errors[0] if errors else None,
    )


def _whole(payload: Payload, owner: Any = None) -> PartAnswer:
    owners = (owner,) * len(payload.records)
    return PartAnswer(payload.records, owners, payload.total, payload.at, payload.as_of)


def _filled(needs: Mapping[str, str], record: Record) -> dict[str, str]:
    """Return the placeholders as *record* fills them; nothing when it lacks one of them."""
    values = {}
    for placeholder, place in needs.items():
        found: Any = record.get(place.partition(".")[2])
        text = ",".join(as_texts(found))
        if not text:
            return {}
        values[placeholder] = text
    return values


def _in_order(spec: CompositeSpec, sources: Mapping[str, Source]) -> list[_Part]:
    """Return the parts so that each comes after the one that it needs; raise `SpecError`."""
    if all(part.under for part in spec.parts.values()):
        raise SpecError("composite.parts", "one part at least must give the records (no under)")
    waiting: dict[str, _Part] = {}
    for name, part in spec.parts.items():
        path = f"composite.parts.{name}"
        needed = needed_part(path, part, spec.parts)
        _check_fields(path, part, needed, spec)
        waiting[name] = _Part(name, part, sources[name], needed, spec.key)
    ordered: list[_Part] = []
    while waiting:
        ready = [name for name, part in waiting.items() if part.needed not in waiting]
        if not ready:
            names = ", ".join(waiting)
            raise SpecError("composite.parts", f"these wait for each other: {names}")
        ordered += [waiting.pop(name) for name in ready]
    return ordered


def _check_fields(path: str, part: PartSpec, needed: str, spec: CompositeSpec) -> None:
    if needed:
        known = {"id", "name", *spec.parts[needed].response.fields}
        for placeholder, place in part.needs.items():
            if place.partition(".")[2] not in known:
                fault = f"{place!r} is no field; write {needed}. and one of its fields"
                raise SpecError(f"{path}.needs.{placeholder}", fault)
    if part.each and spec.parts[needed].under:
        raise SpecError(f"{path}.each", f"the records of {needed} do not stand for themselves")
    if part.match and part.match not in {"id", "name", *part.response.fields}:
        raise SpecError(f"{path}.match", f"{part.match!r} is no field of this part")
    if not part.under and (part.one or part.match):
        raise SpecError(path, "'one' and 'match' say how records stand 'under' a field; name it")
