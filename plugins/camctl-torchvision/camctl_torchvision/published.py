"""torchvision's published weights by the names of their enums, their transforms and class names."""

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

_ENUM_NAME = re.compile(r"[A-Za-z0-9_]+")


def members_of(name: str) -> dict[str, Any]:
    """Published weights of a model: name of the enum's member -> the member."""
    from torchvision.models import get_model_weights

    return dict(get_model_weights(name).__members__)


def default_of(name: str) -> Any:
    """The weights that torchvision itself calls the best."""
    from torchvision.models import get_model_weights

    weights = get_model_weights(name)
    return getattr(weights, "DEFAULT", None) or next(iter(weights))


def named(name: str, checkpoint: str) -> Any | None:
    """The weights that a checkpoint names, as `IMAGENET1K_V2` or `ResNet50_Weights.IMAGENET1K_V2`; None for a file.

    Raises `UnknownNameError` for what is neither.
    """
    members = members_of(name)
    enum = type(default_of(name)).__name__
    text = checkpoint.strip()
    wanted = text.removeprefix(f"{enum}.")
    found = {key.casefold(): value for key, value in members.items()}.get(wanted.casefold())
    if found is not None:
        return found
    if _ENUM_NAME.fullmatch(wanted) and not Path(text).expanduser().exists():
        hint = f"Published are {', '.join(dict.fromkeys(each.name for each in members.values()))}; or give a file."
        raise UnknownNameError(f"weights of {name}", text, list(members), hint=hint)
    return None


def file_name(weights: Any) -> str:
    """The published file's own name."""
    return str(weights.url).rpartition("/")[2]


def called(weights: Any) -> str:
    """`ResNet50_Weights.IMAGENET1K_V2`."""
    return f"{type(weights).__name__}.{weights.name}"


def class_names(weights: Any) -> tuple[str, ...]:
    """The categories of the weights' metadata."""
    return tuple(map(str, weights.meta["categories"]))


def size_of(transforms: Any) -> tuple[int, int]:
    """Height and width of what the transforms give."""
    edges = list(transforms.crop_size)
    return int(edges[0]), int(edges[-1])


def transforms_for(name: str, size: int | None) -> tuple[Any, str]:
    """Transforms of the weights whose input is `size` pixels a side (any size by default), and what they are called.

    Where no published weights have that size, the default's, resized straight to it.
    """
    default = default_of(name)
    candidates = [default, *members_of(name).values()]
    for weights in candidates:
        transforms = weights.transforms()
        if size is None or size_of(transforms) == (size, size):
            return transforms, called(weights)
    return default.transforms(crop_size=size, resize_size=size), f"{called(default)} at {size} px"


def preprocess_with(transforms: Any) -> Callable[[NDArray[np.uint8]], Tensor]:
    """Pixels (H, W, 3), uint8 RGB -> one model input (3, h, w), as the weights were evaluated: from a PIL image."""

    def preprocess(pixels: NDArray[np.uint8]) -> Tensor:
        import numpy as np
        from PIL import Image

        made: Tensor = transforms(Image.fromarray(np.ascontiguousarray(pixels)))
        return made

    return preprocess
