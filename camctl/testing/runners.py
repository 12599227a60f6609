"""Trial of a runner: a small dataset run gives the rows of the runner `local`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from camctl.registry.discovery import BUILT_IN
from camctl.testing.trial import FAILED, Trial, load_network, picture

if TYPE_CHECKING:
    from camctl.results import Results

NETWORK = "demo:resnet"

PICTURES = 12
"""Readable pictures of the data set; one more is broken."""

CLOSE = 1e-4
"""Largest difference of the cells of two maps, as a share of the largest cell."""

COMPARED = ("index", "id", "sha256", "target", "method", "layers", "verdict", "error")
"""Columns that are equal, whoever carries a run."""


def try_runner(trial: Trial, _models: Sequence[str]) -> None:
    """Try whether every picture has its rows once, with the maps that this process draws, and whether it goes on."""
    from camctl.pipeline.dataset import explain_dataset

    with TemporaryDirectory() as root:
        _save_pictures(Path(root, "pictures"))
        run = partial(explain_dataset, NETWORK, str(Path(root, "pictures")), batch_size=2, workers=0)
        own = {"runner": trial.found.label}
        promise, todo = f"carries a run of {PICTURES + 1} pictures", "Call work.open() once a process, then its result."
        results = trial.attempt(promise, partial(run, Path(root, "own"), **own), todo)
        if results is FAILED:
            return
        trial.note(promise, results.status.complete, "Yield the rows of every picture of work.indices.")
        _compare(trial, results, run(Path(root, "local"), runner=f"{BUILT_IN}[local]"))
        run(Path(root, "continued"), shard=(1, 2), runner=f"{BUILT_IN}[local]")
        promise, todo = "goes on with a run that was interrupted", "Explain the pictures of work.indices alone."
        continued = trial.attempt(promise, partial(run, Path(root, "continued"), **own), todo)
        if continued is not FAILED:
            trial.note(promise, continued.status.complete, todo)


def _save_pictures(folder: Path) -> None:
    from PIL import Image

    model = load_network(NETWORK)
    folder.mkdir()
    for number in range(PICTURES):
        Image.fromarray(picture(model, number)).save(folder / f"{number:02}.png")
    (folder / "broken.png").write_bytes(b"no picture")


def _compare(trial: Trial, results: Results, expected: Results) -> None:
    """Compare the rows and maps of two runs."""
    import numpy as np

    tables = [each.table() for each in (results, expected)]
    tables = [table.sort_by([("index", "ascending"), ("target_index", "ascending")]) for table in tables]
    rows, maps = zip(
        *(
            (table.select(COMPARED).to_pylist(), each.maps(table))
            for table, each in zip(tables, (results, expected), strict=True)
        ),
        strict=True,
    )
    same = trial.note("gives the rows of the runner local", rows[0] == rows[1], "Pass the rows on as they are.")
    if same:
        off = max(np.abs(one - other).max() for one, other in zip(*maps, strict=True) if one is not None)
        todo = f"The largest difference is {off:.2g}: pass the rows on as they are."
        trial.note("gives the maps of the runner local", bool(off <= CLOSE), todo)
