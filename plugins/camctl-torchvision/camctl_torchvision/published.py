"""torchvision's published weights by name, with their transforms and class names."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.errors import UnknownNameError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

DETECTED_AT = 320
"""Side in pixels of the noise that a detector is shown where there is no picture."""

_ENUM_NAME = re.compile(r"[A-Za-z0-9_]+")


def members_of(name: str) -> dict[str, Any]:
    """Published weights of a model by the name of the enum's member."""
    from torchvision.models import get_model_weights

    return dict(get_model_weights(name).__members__)


def default_of(name: str) -> Any:
    """The weights that torchvision has as default."""
    from torchvision.models import get_model_weights

    weights = get_model_weights(name)
    return getattr(weights, "DEFAULT", None) or next(iter(weights))


def named(name: str, checkpoint: str) -> Any | None:
    """The weights that a checkpoint names (`IMAGENET1K_V2` or `ResNet50_Weights.IMAGENET1K_V2`); None for a file.

    Raises `UnknownNameError` for an unknown name.
    """
    members = members_of(name)
    enum = type(default_of(name)).__name__
    text = checkpoint.strip()
    wanted = text.removeprefix(f"{enum}.")
    weights = {key.casefold(): value for key, value in members.items()}.get(wanted.casefold())
    if weights is not None:
        return weights
    if _ENUM_NAME.fullmatch(wanted) and not Path(text).expanduser().exists():
        hint = (
            f"Published are {', '.join(dict.fromkeys(weights.name for weights in members.values()))}; or give a file."
        )
        raise UnknownNameError(f"weights of {name}", text, list(members), hint=hint)
    return None


def file_name(weights: Any) -> str:
    """Name of the published file."""
    return str(weights.url).rpartition("/")[2]


def called(weights: Any) -> str:
    """Full name, such as `ResNet50_Weights.IMAGENET1K_V2`."""
    return f"{type(weights).__name__}.{weights.name}"


def class_names(weights: Any) -> tuple[str, ...]:
    """Class names in the weights' metadata."""
    return tuple(map(str, weights.meta["categories"]))


def size_of(transforms: Any) -> tuple[int, int]:
    """Height and width of the transforms' output."""
    # A segmenter's have a shorter edge alone, and a detector's leave the size to the model.
    edges = getattr(transforms, "crop_size", None) or getattr(transforms, "resize_size", None) or [DETECTED_AT]
    return int(edges[0]), int(edges[-1])


def transforms_for(name: str, size: int | None) -> tuple[Any, str]:
    """Transforms of published weights for an input size in pixels, by default any, and the name of these weights.

    If no published weights have that size, the default's transforms, resized to it.
    """
    default = default_of(name)
    candidates = [default, *members_of(name).values()]
    for weights in candidates:
        transforms = weights.transforms()
        if size is None or size_of(transforms) == (size, size):
            return transforms, called(weights)
    return default.transforms(crop_size=size, resize_size=size), f"{called(default)} at {size} px"


def stretched_to(module: Any) -> tuple[int, int] | None:
    """Height and width to which a detector stretches each picture, as SSD does; None if it keeps the proportions."""
    size = getattr(getattr(module, "transform", None), "fixed_size", None)
    return None if size is None else (int(size[1]), int(size[0]))


def preprocess_with(transforms: Any, stretched: tuple[int, int] | None) -> Callable[[NDArray[np.uint8]], Tensor]:
    """Make a function from pixels (H, W, 3), uint8 RGB, to a model input (3, h, w), by way of a PIL image.

    `stretched`: the height and width to which the model stretches each picture itself; done before, its layers see what
    the input shows.
    """

    def preprocess(pixels: NDArray[np.uint8]) -> Tensor:
        import numpy as np
        from PIL import Image
        from torch.nn.functional import interpolate

        inputs: Tensor = transforms(Image.fromarray(np.ascontiguousarray(pixels)))
        if stretched is None:
            return inputs
        return interpolate(inputs[None], stretched, mode="bilinear", align_corners=False)[0]

    return preprocess
