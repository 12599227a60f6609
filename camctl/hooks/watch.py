"""Fixed pictures, explained by a network in training: a results folder an epoch, and what it cost."""

from __future__ import annotations

import csv
import io
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from camctl.datasets import is_data, open_data
from camctl.errors import CamctlError, Hint, InputError, one_line
from camctl.hooks.preservation import preserved
from camctl.paths import is_address
from camctl.pipeline.dataset import explain_dataset
from camctl.pipeline.dataset.request import DatasetRequest
from camctl.pipeline.load import load
from camctl.results.epochs import EPOCH, epochs, folder_of
from camctl.results.folder import Folder
from camctl.values.reading import Reading
from camctl.values.request import Evaluation, Family

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from camctl.plugin import LoadedModel
    from camctl.results import Results

    Show = Callable[[str, NDArray[np.uint8]], None]
    """Called with a picture's tag and its overlay, (H, W, 3), RGB."""

QUESTION = ("methods", "method_options", "targets", "target_layers", "smooth", "aggregate", "evaluation", "family")
"""Options of `explain_dataset` that a training may be watched with."""

WATCHED = (*QUESTION, "reading", "batch_size")

VALUES = {"evaluation": Evaluation, "family": Family, "reading": Reading}
"""Options that are values: a configuration has their fields in a table."""


class Watch:
    """Explains fixed pictures with a model in training, and leaves the training as it was.

    Parameters
    ----------
    images
        The pictures: a file, a list of files, or a data set as `explain_dataset` takes it, also with labels.
    out
        The folder of the results, `OUT/epoch-0001` and so on; None lets the trainer choose.
    part
        Name of the part of the model that takes pictures and returns the answer, such as `net`; by default all of it.
    loading
        Keywords of `camctl.load`: `labels`, `output`, `head`, `precision`.
    options
        Keywords of `camctl.explain_dataset`: `methods`, `targets`, `target_layers`, `smooth` and so on.

    Raises
    ------
    InputError
        There are no such pictures, methods or options: it is said before the training begins.
    """

    def __init__(
        self,
        images: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        out: str | os.PathLike[str] | None,
        part: str,
        loading: Mapping[str, Any] | None,
        options: Mapping[str, Any],
    ) -> None:
        if unknown := sorted(options.keys() - set(WATCHED)):
            message = f"A training cannot be watched with '{unknown[0]}'."
            raise InputError(message, hint=f"Choose from: {', '.join(WATCHED)}.")
        options = {
            name: VALUES[name](**value) if name in VALUES and isinstance(value, Mapping) else value
            for name, value in options.items()
        }
        methods = options.get("methods", ("auto",))
        request = DatasetRequest(methods=(methods,) if isinstance(methods, str) else tuple(methods))
        request.manner()  # unknown names are reported before the training
        given = [images] if isinstance(images, str | os.PathLike) else list(images)
        self.paths = [str(path) if is_address(str(path)) else str(Path(path).expanduser().absolute()) for path in given]
        if len(self.paths) == 1 and (is_data(self.paths[0]) or not Path(self.paths[0]).exists()):
            open_data(self.paths[0])
        elif missing := [path for path in self.paths if not is_address(path) and not Path(path).is_file()]:
            raise InputError(f"There is no picture '{missing[0]}'.", hint="Check the paths.")
        elif not self.paths:
            raise InputError("There are no pictures to watch a training with.", hint="Name a folder or files.")
        self.out = None if out is None else str(out)
        self.part, self.loading, self.options = part, dict(loading or {}), dict(options)
        self.seconds: list[float] = []
        self._warned: set[str] = set()

    def look(
        self,
        module: nn.Module,
        wrap: Callable[[nn.Module], LoadedModel | nn.Module],
        number: int,
        *,
        unit: str = EPOCH,
        show: Show,
        warn: Callable[[str], object],
    ) -> None:
        """Explain the pictures after an epoch; nothing is raised, and nothing of the training changes.

        Parameters
        ----------
        module
            The model in training.
        wrap
            From the part that is explained to what `camctl.load` takes.
        number, unit
            The number of epochs, or of iterations, that are done.
        show
            Gives a picture to the training's loggers.
        warn
            Writes a warning.
        """
        began = time.monotonic()
        try:
            with preserved(module):
                loaded = load(wrap(module.get_submodule(self.part)), **self.loading)
                if not self.seconds:
                    self._check_earlier(number, unit, warn)
                results = self._explained(loaded, folder_of(self.out or "cams", number, unit))
                _check_any(results)
                for tag, pixels in _overlays(results):
                    show(tag, pixels)
        except Exception as error:  # noqa: BLE001 - no map is worth a training
            text = f"camctl: no maps after {unit} {number}: {one_line(error)}"
            hint = getattr(error, "hint", "")
            if one_line(error) not in self._warned:
                self._warned.add(one_line(error))
                warn(f"{text} ({hint})" if hint else text)
        else:
            self.seconds.append(time.monotonic() - began)

    def report(self) -> str:
        """Return what the training is told at its end, in one line; empty if nothing was explained."""
        if not self.seconds:
            return ""
        count, mean = len(self.seconds), sum(self.seconds) / len(self.seconds)
        times = "once" if count == 1 else f"{count} times"
        spent = f"camctl: pictures explained {times}, {mean:.1f} s each time, {sum(self.seconds):.1f} s in all. "
        return spent + Hint("See them learn", f"review {quote(str(self.out))}", save_path="film.webp")  # for a shell

    def _explained(self, loaded: LoadedModel, out: str) -> Results:
        return explain_dataset(
            loaded, self._data(), out, workers=0, overwrite=True, progress=lambda *_: None, **self.options
        )

    def _data(self) -> str:
        """Return the name of the data set; files are listed beside the results, which are read with it later."""
        if len(self.paths) == 1 and is_data(self.paths[0]):
            return self.paths[0]
        text = io.StringIO()
        csv.writer(text).writerows([["path"], *([path] for path in self.paths)])
        folder = Folder(self.out or "cams")
        folder.write("pictures.csv", text.getvalue().encode())
        return folder.path("pictures.csv")

    def _check_earlier(self, number: int, unit: str, warn: Callable[[str], object]) -> None:
        """Warn of maps of another training, which a film would go on with."""
        if later := [other for other in epochs(self.out or "cams", unit) if other > number]:
            text = f"camctl: '{self.out}' holds maps of another training, after {unit} {later[0]} and others."
            warn(f"{text} Choose another `out` to keep them apart.")


def _check_any(results: Results) -> None:
    """Raise `CamctlError`, with the first reason, if no picture has a map."""
    rows = results.table(columns=["method", "error", "reason"]).to_pylist()
    if not any(row["method"] for row in rows):
        reason = next((row["error"] or row["reason"] for row in rows if row["error"] or row["reason"]), "none was made")
        raise CamctlError(reason)


def _overlays(results: Results) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield a tag and the first map of each picture, drawn."""
    rows: dict[str, int] = {}
    for row in results.table(columns=["row", "id", "method"]).to_pylist():
        if row["method"]:
            rows.setdefault(row["id"], row["row"])
    for name, row in rows.items():
        for cam in results.cams([row]):
            yield "_".join(("cam", *Path(name).parts[-2:])), cam.overlay()
