"""Inputs of summaries are found by their signature, until their time is over."""

from pathlib import Path

from storage.sqlite import open_sqlite
from storage.summary_inputs import SummaryInputs


async def test_inputs_of_one_signature_are_found_with_their_vectors(tmp_path: Path) -> None:
    database = await open_sqlite(str(tmp_path / "lookup.db"))
    inputs = SummaryInputs(database)
    await inputs.put("one", "facts", [0.5, -1.0], 100.0)
    await inputs.put("two", "facts", [1.0, 0.0], 200.0)
    await inputs.put("three", "others", [1.0, 0.0], 200.0)
    found = {digest: list(vector) for digest, vector in (await inputs.of("facts")).items()}
    assert found == {"one": [0.5, -1.0], "two": [1.0, 0.0]}
    assert await inputs.purge(100.0) == 1
    assert set(await inputs.of("facts")) == {"two"}
    await database.close()
