"""The source `openclip:NAME` or `openclip:FOLDER`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from camctl.errors import Hint, InputError
from camctl.kit.fitting import fit
from camctl.kit.importing import refuse_options
from camctl.kit.random_weights import LIKE_PICTURES, enliven, settle
from camctl.plugin import LoadedModel, LoadOptions, Source

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

USAGE = Hint("Give texts", labels=("a photo of a cat", "a photo of a dog"))


class OpenClip(Source):
    """Networks of open_clip, which score a picture against texts."""

    summary = "open_clip's networks by name or folder, with texts: openclip:ViT-B-32 CHECKPOINT --labels 'a cat,a dog'."
    example = "ViT-B-32"
    own_weights = True

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        """Load a network; `options.labels` are the texts.

        Raises `InputError` for what the user can correct, `CamctlError` if weights cannot be downloaded.
        """
        refuse_options(options.cfg_options, "the source openclip")
        if not options.labels:
            raise InputError(f"'{reference}' scores pictures against texts, and none were given.", hint=USAGE)
        if checkpoint is not None and options.random_weights:
            message = "Random weights and a checkpoint are asked for."
            raise InputError(message, hint="Leave out one of them.")
        from camctl_openclip import networks

        name = networks.name_of(reference)
        weights, more = (None, {}) if options.random_weights else networks.weights_of(reference, checkpoint, options)
        module = networks.build(name, reference, options.seed, more)
        notes: tuple[str, ...] = ()
        if weights is not None:
            fitting = replace(weights, state=networks.converted(module, weights))
            notes = fit(module, fitting, hint="Give the network that the weights are of.", where=reference)
        else:
            enliven(module, options.seed)
        module.to(device)
        forward = _forward(module, networks.tokens(name, reference, options.labels).to(device))
        preprocess, size = _preprocessing(module)
        if weights is None:
            settle(module, forward, (3, *size), options.seed, scales=LIKE_PICTURES)
        return LoadedModel(
            name=f"openclip:{reference}",
            source="openclip",
            module=module,
            forward=forward,
            preprocess=preprocess,
            input_size=size,
            class_names=options.labels,
            output="logits",
            score="softmax" if module.logit_bias is None else "sigmoid",
            checkpoint=weights.origin if weights else None,
            random_weights=weights is None,
            notes=notes,
        )


def _forward(module: Any, tokens: Tensor) -> Callable[[Tensor], Tensor]:
    """Return a function from pictures (N, 3, h, w) to their similarities to each text, scaled as in training."""
    import torch

    with torch.no_grad():
        texts = module.encode_text(tokens, normalize=True)
    scale, bias = module.logit_scale.detach().exp(), module.logit_bias

    def forward(pictures: Tensor) -> Tensor:
        features = module.encode_image(pictures, normalize=True)
        logits: Tensor = features @ texts.to(features).T * scale.to(features)
        return logits if bias is None else logits + bias.detach().to(features)

    return forward


def _preprocessing(module: Any) -> tuple[Callable[[NDArray[np.uint8]], Tensor], tuple[int, int]]:
    """Return how the network's pictures are prepared, and their height and width."""
    from open_clip import get_model_preprocess_cfg
    from open_clip.transform import PreprocessCfg, image_transform_v2

    config = PreprocessCfg(**get_model_preprocess_cfg(module))
    transform = image_transform_v2(config, is_train=False)
    size = config.size if isinstance(config.size, tuple | list) else (config.size, config.size)

    def preprocess(pixels: NDArray[np.uint8]) -> Tensor:
        from PIL import Image

        prepared: Tensor = transform(Image.fromarray(pixels))
        return prepared

    return preprocess, (int(size[0]), int(size[1]))
