"""mmpretrain's test pipeline and data preprocessor, for pixels instead of files."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, InputError
from camctl.sources.mm_layouts import kind_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

DEFAULT_PIPELINE = (
    {"type": "LoadImageFromFile"},
    {"type": "ResizeEdge", "scale": 256, "edge": "short"},
    {"type": "CenterCrop", "crop_size": 224},
    {"type": "PackInputs"},
)
DEEPEST = 100
"""Maximum number of datasets inside each other."""
_PIPELINE_HINT = "Check the test pipeline in the config, and the config options."
DEFAULT_NOTE = "The config has no test pipeline: pictures are resized to 256 px and cropped to 224 px."


def test_dataset(config: Any) -> Any:
    """The config's test dataset, unwrapped; an empty dict if there is none."""
    for name in ("test_dataloader", "val_dataloader"):
        loader = _first(config.get(name))
        dataset = loader.get("dataset") if isinstance(loader, Mapping) else None
        for _ in range(DEEPEST):  # a .py config can hold itself
            if not isinstance(dataset, Mapping) or not dataset:
                break
            inner = dataset.get("dataset") or _first(dataset.get("datasets"))
            if not inner:
                return dataset
            dataset = inner
    data = config.get("data")  # as in mmcls 0.x
    test = data.get("test") if isinstance(data, Mapping) else None
    return test if isinstance(test, Mapping) else {}


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list | tuple) and value else value


def find_pipeline(config: Any) -> Sequence[Any] | None:
    """Steps of the test pipeline; None if the config has none. Raises `InputError` for what is no list of steps."""
    steps = test_dataset(config).get("pipeline") or config.get("test_pipeline") or None
    if steps is None:
        return None
    if not isinstance(steps, list | tuple):
        message = f"The config's test pipeline is {type(steps).__name__}, not a list of steps."
        raise InputError(message, hint=_PIPELINE_HINT)
    for number, step in enumerate(steps, 1):
        if not isinstance(step, Mapping):
            message = f"Step {number} of the config's test pipeline is {type(step).__name__}, not a dict with a `type`."
            raise InputError(message, hint=_PIPELINE_HINT)
    return steps


def make_preprocess(steps: Sequence[Any], preprocessor: nn.Module) -> Callable[[NDArray[np.uint8]], Tensor]:
    """Make a function from pixels (H, W, 3), uint8 RGB, to a model input (C, h, w), float32 on the CPU.

    C is 3, or 1 for networks of grey pictures. `preprocessor` is the model's data preprocessor.
    """
    import numpy as np
    import torch
    from mmpretrain.registry import TRANSFORMS

    loads = [step for step in steps if kind_of(step).startswith("LoadImage")]
    steps = [step for step in steps if step not in loads]
    transforms = [TRANSFORMS.build(copy.deepcopy(step)) for step in steps]
    # The model moves to its device, this copy stays.
    preprocessor = copy.deepcopy(preprocessor).cpu()
    convert = _colours(loads, steps, preprocessor)
    to_float = any(step.get("to_float32") for step in loads)

    def preprocess(pixels: NDArray[np.uint8]) -> Tensor:
        image: Any = np.ascontiguousarray(convert(pixels))
        size = image.shape[:2]
        sample: Any = {"img": image.astype(np.float32) if to_float else image, "img_shape": size, "ori_shape": size}
        for transform in transforms:
            sample = transform(sample)
            if sample is None:
                message = f"The config's {type(transform).__name__} returns nothing for this picture."
                raise CamctlError(message, hint="Check the test pipeline in the config.")
        inputs = sample.get("inputs", sample.get("img"))
        if not isinstance(inputs, torch.Tensor):
            inputs = np.atleast_3d(np.asarray(inputs))
            inputs = torch.from_numpy(np.ascontiguousarray(inputs.transpose(2, 0, 1)))
        with torch.no_grad():
            batch = preprocessor({"inputs": inputs.unsqueeze(0)}, False)["inputs"]
        return torch.as_tensor(batch[0], dtype=torch.float32)

    return preprocess


def _colours(
    loads: Sequence[Any], steps: Sequence[Any], preprocessor: nn.Module
) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    """Make a function from RGB pixels to the colour order that the pipeline's first step expects."""
    mean = getattr(preprocessor, "mean", None)
    is_grey = any(str(step.get("color_type", "")).startswith("gray") for step in loads)
    if is_grey or (not loads and mean is not None and mean.numel() == 1):
        import cv2

        return lambda pixels: cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    # mmcv reads files as BGR by default, whatever decodes them. Datasets that hold pixels (CIFAR) are RGB if no later
    # step swaps the channels.
    swapped_later = getattr(preprocessor, "to_rgb", False) or any(map(_swaps, steps))
    rgb = any(step.get("channel_order") == "rgb" for step in loads) if loads else not swapped_later
    return (lambda pixels: pixels) if rgb else (lambda pixels: pixels[..., ::-1])


def _swaps(step: Any) -> bool:
    """Whether a transform swaps BGR and RGB; `Normalize` does by default."""
    kind = kind_of(step)
    return bool(step.get("to_rgb", kind == "Normalize")) if kind in {"Normalize", "NumpyToPIL"} else False
