from __future__ import annotations

import msgspec

from adapters.sources.spec import RequestSpec
from adapters.sources.units import Duration, Size
from gateway.config import Config, ServerSection
from gateway.config.reference import keys, structs, written


def test_every_section_of_the_file_is_told_once() -> None:
    names = [kind.__name__ for kind in structs()]
    assert {"Config", "SourceSection", "FreshnessSpec", "BreakerSpec", "FieldSpec"} <= {*names}
    assert len(names) == len(set(names))


def test_every_key_says_what_it_means() -> None:
    every = ((kind.__name__, key) for kind in structs() for key in keys(kind))
    mute = [f"{section}.{key.name}" for section, key in every if not key.meaning]
    assert mute == [], "a text below the field is its meaning in the schema and the manual"


def test_a_key_has_its_name_in_the_file_its_default_and_its_meaning() -> None:
    host, port, *_ = keys(ServerSection)
    assert (host.name, host.default, port.default) == ("host", "127.0.0.1", 8080)
    assert port.meaning == "TCP port; 0 takes a free one."
    url = keys(RequestSpec)[0]
    assert (url.name, url.required, url.default) == ("url", True, None)


def test_values_are_written_as_a_file_would_say_them() -> None:
    values = [Duration(0), Duration(0.25), Duration(1.5), Duration(5400), Duration(172_800)]
    assert [written(value) for value in values] == [0, "250ms", "1.5s", "90m", "2d"]
    assert [written(Size(n)) for n in (0, 1000, 64 << 20)] == [0, "1000B", "64MiB"]
    assert written(("a", "b")) == ["a", "b"]
    assert written(msgspec.convert({}, Config)) is None
