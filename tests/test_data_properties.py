"""Properties of data sets and results folders, for names, lists and runs that nobody thought of."""

import csv
import tempfile
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
from hypothesis import HealthCheck, given, settings

from camctl.datasets import open_data
from camctl.datasets.locations import expanded
from camctl.results import Writer, open_results
from tests.results.rows import SCHEMA, START, count_of, grid, rows

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1, max_size=12)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@QUICK
@given(st.lists(st.tuples(TEXTS, st.none() | TEXTS, TEXTS), min_size=1, max_size=20))
def test_csv_gives_back_what_was_written_into_it(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "l.csv")
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("path", "label", "note"), *content])
        entries = open_data(str(path)).entries
    assert [entry.label for entry in entries] == [label for _, label, _ in content]
    assert [entry.path.removeprefix(f"{folder}/") for entry in entries] == [name for name, _, _ in content]
    names = [entry.id for entry in entries]
    assert len(set(names)) == len(names)
    assert all(found.startswith(name) for found, (name, _, _) in zip(names, content, strict=True))
    notes = [entry.columns["note"] for entry in entries]
    assert all(note == text or float(note) == float(text) for note, (_, _, text) in zip(notes, content, strict=True))


@QUICK
@given(st.integers(0, 120), st.integers(0, 20), st.integers(0, 3))
def test_braces_count_as_the_shell_does(first, more, zeros):
    width = len(str(first)) + zeros
    start, end = f"{first:0{width}d}", f"{first + more:0{width}d}"
    names = expanded(f"a-{{{start}..{end}}}.tar")
    assert [int(name[2:-4]) for name in names] == list(range(first, first + more + 1))
    if zeros:
        assert {len(name) for name in names} == {width + 6}


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_run_in_any_pieces_has_every_row_once(data):
    total = data.draw(st.integers(1, 40))
    with tempfile.TemporaryDirectory() as out:
        for _ in range(data.draw(st.integers(0, 4))):
            count = data.draw(st.integers(1, 3))
            with Writer.open(
                out, START, SCHEMA, total=total, shard=(data.draw(st.integers(1, count)), count)
            ) as writer:
                writer.rows_per_part = data.draw(st.integers(1, 30))
                todo = writer.todo[: data.draw(st.integers(0, total))]
                for piece in np.array_split(todo, data.draw(st.integers(1, 5))):
                    if len(piece):
                        writer.write(rows(piece))
        with Writer.open(out, START, SCHEMA, total=total) as writer:
            if len(writer.todo):
                writer.write(rows(writer.todo))
            assert writer.finish({}).complete
        results = open_results(out)
        table = results.table(["index"])
        indices = table["index"].to_pylist()
        maps = results.maps(table)
    assert sorted(indices) == [index for index in range(total) for _ in range(count_of(index))]
    assert all(cam is None or (cam == grid(index)).all() for index, cam in zip(indices, maps, strict=True))
