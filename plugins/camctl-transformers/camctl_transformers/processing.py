"""From pixels to a model input, by the model's image processor."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError, one_line
from camctl.kit.bands import RGB, grey, unit
from camctl_transformers.finding import Found, quiet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    Preprocess = Callable[[NDArray[np.uint8]], Tensor]

BACKEND = "torchvision"
"""Backend of the image processors; the other one uses PIL, with other arithmetic."""
_BLANK = (512, 512, 3)


def preprocessing(found: Found) -> tuple[Preprocess, tuple[int, int], str]:
    """Make a preprocessing; returns it, the (height, width) of its output, and a note if it is a guess.

    A network of grey pictures gets the mean of the prepared channels, and one of many bands (H, W, bands) of them.
    """
    import numpy as np

    processor, note = _saved(found), ""
    size = _size_of(found.config)
    if processor is None:
        processor = _default(found.config)
        origin = "its family's default" if processor is not None else "a guess: ImageNet's mean and deviation"
        note = f"Preprocessing is {origin}, since no image processor was saved with the model."
    channels = channels_of(found.config)
    if channels not in {1, RGB}:
        return _plain(processor, size or (224, 224), channels), size or (224, 224), note
    preprocess = _plain(None, size or (224, 224)) if processor is None else _by(processor, found.config)
    preprocess = _grey(preprocess) if channels == 1 else preprocess
    try:
        height, width = preprocess(np.zeros(_BLANK, np.uint8)).shape[-2:]
    except Exception as error:
        message = f"The model's image processor fails on a blank picture: {one_line(error)}"
        raise InputError(message, hint="Correct its preprocessor_config.json.") from error
    if note and size is not None and (height, width) != size:
        plain = _plain(processor, size)
        return _grey(plain) if channels == 1 else plain, size, note
    return preprocess, (height, width), note


def channels_of(config: Any) -> int:
    """Return the number of channels of the network's pictures."""
    count = getattr(config, "num_channels", None) or getattr(
        getattr(config, "vision_config", None), "num_channels", RGB
    )
    return count if isinstance(count, int) and count > 0 else RGB


def _grey(preprocess: Preprocess) -> Preprocess:
    def prepared(pixels: NDArray[np.uint8]) -> Tensor:
        return preprocess(grey(pixels)[..., None].repeat(RGB, 2)).mean(0, keepdim=True)

    return prepared


def _saved(found: Found) -> Any | None:
    from transformers import AutoImageProcessor

    if not found.name:
        return None
    try:
        with quiet():
            return AutoImageProcessor.from_pretrained(found.name, backend=BACKEND, trust_remote_code=False, **found.at)
    except (OSError, ValueError, ImportError, KeyError):
        return None


def _default(config: Any) -> Any | None:
    import transformers
    from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING_NAMES

    names = IMAGE_PROCESSOR_MAPPING_NAMES.get(config.model_type)
    name = names.get(BACKEND) if isinstance(names, dict) else None
    kind = getattr(transformers, name, None) if name else None
    return None if kind is None else kind()


def _size_of(config: Any) -> tuple[int, int] | None:
    """Input size in the configuration; None if the network takes any."""
    if config.model_type == "imagegpt":
        edge = round(config.n_positions**0.5)
        return edge, edge
    size = getattr(config, "image_size", None) or getattr(getattr(config, "vision_config", None), "image_size", None)
    if isinstance(size, int):
        return size, size
    if isinstance(size, list | tuple) and len(size) == 2:  # noqa: PLR2004
        return int(size[0]), int(size[1])
    return None


def _by(processor: Any, config: Any) -> Preprocess:
    naflex = config.model_type in {"siglip2", "siglip2_vision_model"}
    colours = {"do_color_quantize": False} if config.model_type == "imagegpt" else {}

    def preprocess(pixels: NDArray[np.uint8]) -> Tensor:
        import numpy as np
        import torch

        picture = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
        inputs = processor(images=picture, return_tensors="pt", input_data_format="channels_first", **colours)
        values: Tensor = inputs["pixel_values"][0].float()
        if not naflex:
            return values
        height, width = (int(edge) for edge in inputs["spatial_shapes"][0])
        return picture_of(values[: height * width], height, width)

    return preprocess


def _plain(processor: Any | None, size: tuple[int, int], channels: int = 3) -> Preprocess:
    """Resize to the network's size, and normalise with the processor's mean and deviation or ImageNet's.

    Bands, for which these are of another number, stay within 0..1.
    """
    mean = getattr(processor, "image_mean", None) or (0.485, 0.456, 0.406)
    std = getattr(processor, "image_std", None) or (0.229, 0.224, 0.225)
    if len(mean) != channels:
        mean, std = (0.0,) * channels, (1.0,) * channels

    def preprocess(pixels: NDArray[np.uint8]) -> Tensor:
        import numpy as np
        import torch
        from torch.nn.functional import interpolate

        picture = torch.from_numpy(np.ascontiguousarray(unit(pixels).transpose(2, 0, 1)))[None]
        resized = interpolate(picture, size, mode="bilinear", antialias=True, align_corners=False)[0]
        return (resized - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]

    return preprocess


def picture_of(patches: Tensor, height: int, width: int) -> Tensor:
    """Join patches (height*width, p*p*3), row by row, to a picture (3, height*p, width*p)."""
    edge = round((patches.shape[-1] // 3) ** 0.5)
    return patches.reshape(height, width, edge, edge, 3).permute(4, 0, 2, 1, 3).reshape(3, height * edge, width * edge)


def patches_of(pictures: Tensor, edge: int) -> Tensor:
    """Cut pictures (N, 3, h, w) into patches (N, h/edge * w/edge, edge*edge*3), row by row."""
    n, _, height, width = pictures.shape
    cut = pictures.reshape(n, 3, height // edge, edge, width // edge, edge)
    return cut.permute(0, 2, 4, 3, 5, 1).reshape(n, -1, edge * edge * 3)
