"""Maps out of a results folder, laid on their pictures again without the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from camctl.values.cam import BLANK, Cam
from camctl.values.picture import read_content, read_picture
from camctl.values.reading import Reading
from camctl.values.target import Target
from camctl.values.view import View

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from camctl.datasets import Data
    from camctl.values.picture import Picture


def picture_of(data: Data, row: Mapping[str, Any], reading: Mapping[str, Any]) -> Picture:
    """Return the picture of a row. Raises `InputError`: it is no longer there, or is another one.

    `reading`: how the run read the numbers of pictures, as `start.json` has it.
    """
    return decoded(data.read(int(row["index"])), row, reading)


def decoded(content: bytes | Path, row: Mapping[str, Any], reading: Mapping[str, Any]) -> Picture:
    """Return the picture of a row, whose file or its bytes are given. Raises `InputError`: it cannot be read."""
    asked = Reading(**{name: tuple(value) if isinstance(value, list) else value for name, value in reading.items()})
    if isinstance(content, bytes):
        return read_content(content, str(row["path"]), asked)
    return read_picture(content, asked)


def cam_of(row: Mapping[str, Any], raw: NDArray[np.float32], picture: Picture, about: Mapping[str, Any]) -> Cam:
    """Return the map of a row; `about` has the `model` and who chose the layers, `chosen_by`.

    A map that was fused of several layers is drawn from their signed mean.
    """
    import numpy as np

    size = (int(row["input_height"]), int(row["input_width"]))
    box = row["view"]
    blank = row["verdict"] in BLANK
    index, label = row["target_index"], row["target"]
    versus = tuple(Target(index=-1, label=other, score=0.0) for other in row["versus"] or ())
    return Cam(
        model=str(about["model"]),
        method=row["method"],
        target=Target(index=index, label=label, score=row["target_score"], versus=versus, mark=box_of(row)),
        smoothing=row["smoothing"],
        layers=tuple(row["layers"]),
        chosen_by=str(about["chosen_by"]),
        grid=(raw.shape[0], raw.shape[1]),
        values=np.zeros(size, np.float32) if blank else stretched(raw, size),
        raw=raw,
        raw_by_layer=(raw,),
        verdict=row["verdict"],
        reason=row["reason"] or "",
        hint="",
        milliseconds=0.0,
        picture=picture,
        view=View(size=size, box=(box[0], box[1], box[2], box[3])),
    )


def box_of(row: Mapping[str, Any]) -> tuple[float, ...] | None:
    """Return the box that a row is about, detected or asked for, in pixels of its picture; None if it has none."""
    box = row.get("target_box")
    return tuple(box) if box else None


def stretched(raw: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Return a signed map (rows, columns) as it is drawn: its positive part, 0..1, at the size (height, width)."""
    import cv2
    import numpy as np

    def unit(values: NDArray[np.float32]) -> NDArray[np.float32]:
        low, high = values.min(), values.max()
        return (values - low) / (high - low) if high > low else np.zeros_like(values)

    large = cv2.resize(unit(np.maximum(raw, 0)), (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(unit(large), np.float32)
