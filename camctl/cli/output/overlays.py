"""Overlays of a dataset run, drawn out of its results folder by worker processes."""

from __future__ import annotations

import json
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from camctl.cli.output.saving import MASK, save_mask
from camctl.errors import CamctlError, InputError
from camctl.results import Results, open_results
from camctl.results.review import better_of
from camctl.workers import context, cores, forking, leave_signals_to_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from camctl.cli.parsing.data import Drawing

    Rows = Sequence[tuple[int, str]]
    """Numbers of rows, and the file of each one's overlay."""

FOLDER = "overlays"
"""Folder of the overlays in a results folder."""

DRAWN = "drawn.json"
"""File in that folder: the run that the overlays belong to, and how they look."""

ABANDONED = 10.0
"""Seconds after which a draft of an overlay belongs to a process that was killed."""

MOST_DRAWN, WORST = 1000, 100
"""If nobody says what to draw: up to so many maps, all are drawn; of more, so many of the worst."""

TOGETHER = 16
"""Rows that a worker draws at a time."""


def rows_to_draw(results: Results, drawing: Drawing | None) -> tuple[list[int], str]:
    """Return the numbers of the rows to draw, and which these are, in words; a row without a map is left out."""
    import numpy as np
    import pyarrow.compute as pc

    has_map = pc.field("grid_height").is_valid()
    if drawing is None or drawing.which == "all":
        rows = results.table([], filter=has_map).column("row").to_pylist()
        if drawing or len(rows) <= MOST_DRAWN:
            return rows, "all"
        return _worst(results, WORST, has_map)
    if drawing.which == "none":
        return [], "none"
    if drawing.which == "worst":
        return _worst(results, drawing.count, has_map)
    rows = results.table([], filter=has_map).column("row").to_pylist()
    chosen = np.random.default_rng(0).permutation(len(rows))[: drawing.count]
    return sorted(rows[place] for place in chosen), f"a sample of {min(drawing.count, len(rows))}"


def _worst(results: Results, count: int, has_map: Any) -> tuple[list[int], str]:
    by = next((name for name, better in better_of(results).items() if better != "neither"), "target_score")
    rows = results.worst(count, by, filter=has_map).column("row").to_pylist()
    return rows, f"the worst {len(rows)} by {by}"


def draw_overlays(
    out: str, rows: Sequence[int], look: dict[str, Any], advance: Callable[[int, int], None]
) -> tuple[int, list[str]]:
    """Draw the overlays of rows that are not there yet; returns how many there are now, and why others are not.

    Raises `CamctlError`: the disk is full or may not be written to.
    """
    results = open_results(out)
    _keep_same(results, look)
    named = list(zip(rows, _paths(results, rows), strict=True))
    parts = [named[start : start + TOGETHER] for start in range(0, len(named), TOGETHER)]
    work = partial(_draw, out, look)
    done, faults = 0, []
    advance(0, len(rows))
    for part, found in zip(parts, _drawn(work, parts), strict=True):
        faults += found
        done += len(part)
        advance(done, len(rows))
    return len(rows) - len(faults), faults


def _drawn(work: Callable[[Rows], list[str]], parts: Sequence[Rows]) -> Iterator[list[str]]:
    """Yield what came of each part, drawn by worker processes if there are many. Raises `CamctlError`."""
    if len(parts) <= cores() or context() is None:
        yield from map(work, parts)
        return
    pool = ProcessPoolExecutor(cores(), mp_context=context(), initializer=leave_signals_to_parent)
    try:
        with forking():
            outcomes = pool.map(work, parts)
        yield from outcomes
    except BrokenProcessPool:
        message = "A worker that draws overlays was killed."
        raise CamctlError(message, hint="Run the same command again: it continues.") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _keep_same(results: Results, look: dict[str, Any]) -> None:
    """Remove the overlays of an older run, or of another look; those that an interrupted command drew are kept."""
    from camctl.files.atomic import write_atomically

    folder = Path(results.out, FOLDER)
    for draft in folder.rglob(".camctl-*.part"):
        with suppress(OSError):
            if time.time() - draft.stat().st_mtime > ABANDONED:
                draft.unlink()
    run = {"began": results.about.get("began"), **results.start}
    drawn, asked = folder / DRAWN, json.dumps({"run": run, "look": look}, default=str)
    if drawn.is_file() and drawn.read_text("utf-8", "replace") == asked:
        return
    for path in (*folder.rglob("*.jpg"), *folder.rglob(f"*{MASK}")):
        path.unlink(missing_ok=True)
    folder.mkdir(exist_ok=True)
    write_atomically(drawn, lambda file: file.write(asked.encode()))


def _draw(out: str, look: dict[str, Any], rows: Rows) -> list[str]:
    """Draw some rows into these files; returns why some have no overlay."""
    from camctl.files.pictures import save_picture

    results, cut = open_results(out), look.get("cut")
    faults = []
    for row, name in rows:
        path = Path(out, FOLDER, name)
        if path.exists():
            continue
        try:
            (cam,) = results.cams([row])
            path.parent.mkdir(parents=True, exist_ok=True)
            if cut is not None and cut.masks:
                save_mask(cam, cut, path)
            save_picture(cam.overlay(**look), path)
        except InputError as error:
            faults.append(error.message)
        except OSError as error:
            raise CamctlError(f"'{path}' cannot be written: {error.strerror}.") from None
    return faults


def _paths(results: Results, rows: Sequence[int]) -> list[str]:
    """Return a file for each row, `class/picture_target_method.jpg`, in safe letters, all different."""
    wanted = set(rows)
    names: dict[int, str] = {}
    for batch in results.batches(["id", "target", "method"]):
        for row in batch.to_pylist():
            if row["row"] in wanted:
                names[row["row"]] = _name(row)
    taken: set[str] = set()
    paths = []
    for row in rows:
        name = names[row] if names[row].casefold() not in taken else f"{names[row]}_{row}"
        taken.add(name.casefold())
        paths.append(f"{name}.jpg")
    return paths


def _name(row: dict[str, Any]) -> str:
    from camctl.files.names import slug

    *folders, last = PurePosixPath(row["id"].replace("\\", "/")).parts or ("",)
    inside = filter(None, (slug(folder, keep_case=True) for folder in folders))
    picture = slug(last.partition(".")[0], keep_case=True) or "picture"
    names = picture, slug(row["target"].split(",")[0]), slug(row["method"])
    return "/".join([*inside, "_".join(filter(None, names))])
