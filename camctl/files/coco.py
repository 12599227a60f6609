"""What is cut out of maps as COCO JSON, and as masks of the picture's size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from camctl.files.mark import MARK
from camctl.values.regions import laid_on
from camctl.values.view import View

if TYPE_CHECKING:
    from camctl.values.cam import Cam
    from camctl.values.comparison import Comparison
    from camctl.values.explanation import Explanation
    from camctl.values.regions import Bools
    from camctl.values.segments import Cut, Segment


def coco(result: Explanation | Comparison, cut: Cut) -> dict[str, Any]:
    """Return the parts of all maps as a COCO data set: boxes, and with masks their run lengths.

    An annotation has `score`, the map's mean over the part, `model`, `method`, and `threshold` by its name and as a
    number.
    """
    images: dict[str, dict[str, Any]] = {}
    classes: dict[str, int] = {}
    annotations: list[dict[str, Any]] = []
    for cam in result.maps:
        height, width = cam.picture.size
        image = images.setdefault(
            cam.picture.path, {"id": len(images), "file_name": cam.picture.path, "width": width, "height": height}
        )
        category = classes.setdefault(cam.target.title, len(classes))
        for part in parts_of(cam, cut):
            annotations.append({"id": len(annotations) + 1, "image_id": image["id"], "category_id": category, **part})
    return {
        "info": {"description": MARK, "threshold": cut.threshold},
        "images": list(images.values()),
        "categories": [{"id": index, "name": name} for name, index in classes.items()],
        "annotations": annotations,
    }


def parts_of(cam: Cam, cut: Cut) -> Iterator[dict[str, Any]]:
    """Yield the parts of a map as COCO annotations that name no picture and class."""
    level = cut.level_of(cam.values)
    for segment in cam.segments(cut):
        x0, y0, x1, y1 = segment.box
        yield {
            "bbox": [round(side, 2) for side in (x0, y0, x1 - x0, y1 - y0)],
            "area": round(segment.area, 2),
            "iscrowd": 1 if cut.masks else 0,
            "score": round(segment.score, 4),
            "model": cam.model,
            "method": cam.method,
            "threshold": {"name": cut.threshold, "level": round(level, 4)},
            **({"segmentation": run_lengths(picture_mask(cam, [segment]))} if cut.masks else {}),
        }


def picture_mask(cam: Cam, segments: list[Segment] | tuple[Segment, ...]) -> Bools:
    """Return the pixels (H, W) of a map's picture whose centres lie on some of its parts."""
    import numpy as np

    height, width = cam.picture.size
    inside = np.zeros((height, width), bool)
    canvas = View(size=(height, width), box=(0.0, 0.0, float(width), float(height)))
    for segment in segments:
        inside |= laid_on(segment.mask, cam.view, canvas)
    return inside


def run_lengths(mask: Bools) -> dict[str, Any]:
    """Return a mask (H, W) as COCO's run lengths: of outside and inside in turn, column by column.

    Examples
    --------
    >>> import numpy as np
    >>> run_lengths(np.array([[False, True], [True, True]]))
    {'size': [2, 2], 'counts': [1, 3]}
    """
    import numpy as np

    flat = mask.ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    counts = np.diff(np.concatenate([[0], changes, [flat.size]])).tolist()
    return {"size": list(mask.shape), "counts": [0, *counts] if flat[0] else counts}
