"""From a batch of pictures to what is asked of, for every family's forward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from camctl_transformers.processing import patches_of

if TYPE_CHECKING:
    from torch import Tensor

    Forward = Callable[[Tensor], Any]


def forward_of(module: Any, config: Any, task: str, seed: int = 0) -> Forward:
    """Make a function from pictures (N, 3, h, w) to the output of a task, such as logits (N, classes)."""
    if config.model_type == "imagegpt":
        return _quantised(module, config, seed)
    if config.model_type == "vit_mae":
        module.config.mask_ratio = 0.0
    inputs, read = inputs_of(config), READERS[task]
    run = module.get_image_features if hasattr(module, "get_image_features") else module

    def forward(pictures: Tensor) -> Any:
        return read(module, run(**inputs(pictures)))

    return forward


def inputs_of(config: Any) -> Callable[[Tensor], dict[str, Any]]:
    """Make a function from a batch of pictures to the model's keyword arguments."""
    if config.model_type == "vit_mae":
        return _unmasked(config)
    if config.model_type not in {"siglip2", "siglip2_vision_model"}:
        return lambda pictures: {"pixel_values": pictures}
    edge = getattr(config, "vision_config", config).patch_size

    def patched(pictures: Tensor) -> dict[str, Any]:
        import torch

        patches = patches_of(pictures, edge)
        shape = [pictures.shape[-2] // edge, pictures.shape[-1] // edge]
        return {
            "pixel_values": patches,
            "pixel_attention_mask": torch.ones(patches.shape[:2], dtype=torch.int64, device=patches.device),
            "spatial_shapes": torch.tensor([shape] * len(pictures), device=patches.device),
        }

    return patched


def _unmasked(config: Any) -> Callable[[Tensor], dict[str, Any]]:
    """Inputs of a masked autoencoder: the noise that orders the patches leaves them row by row, and masks none."""

    def inputs(pictures: Tensor) -> dict[str, Any]:
        import torch

        count = (pictures.shape[-2] // config.patch_size) * (pictures.shape[-1] // config.patch_size)
        order = torch.arange(count, dtype=torch.float32, device=pictures.device)
        return {"pixel_values": pictures, "noise": order.expand(len(pictures), -1)}

    return inputs


def has_no_object(module: Any) -> bool:
    """Whether a detector has a class for no object, the last one, and its scores exclude each other."""
    linear = (part for name, part in module.named_modules() if "class" in name and type(part).__name__ == "Linear")
    return any(part.out_features == module.config.num_labels + 1 for part in linear)


def _logits(_module: Any, output: Any) -> Tensor:
    logits: Tensor | None = getattr(output, "logits", None)
    # PPLCNetForImageClassification has its logits under another name.
    return output.last_hidden_state if logits is None else logits


def _boxes(_module: Any, output: Any) -> dict[str, Tensor]:
    return {"logits": output.logits, "pred_boxes": output.pred_boxes}


def _depth(_module: Any, output: Any) -> Tensor:
    depth: Tensor = output.predicted_depth
    return depth


def _masks(_module: Any, output: Any) -> Tensor:
    """The scores (N, classes, h, w) that transformers' processors make of masks and their classes."""
    import torch

    names = ("class_queries_logits", "logits"), ("masks_queries_logits", "pred_masks")
    classes, masks = (next(getattr(output, name) for name in pair if hasattr(output, name)) for pair in names)
    scores: Tensor = torch.einsum("nqc,nqhw->nchw", classes.softmax(-1)[..., :-1], masks.sigmoid())
    return scores


def features_of(module: Any, output: Any) -> Tensor:
    """The features (N, D) of pictures: the model's own pooling, else its class token, else the mean over all places."""
    own = (getattr(output, name, None) for name in ("image_embeds", "summary", "pooler_output", "cls_token_value"))
    pooled: Tensor | None = next((each for each in own if each is not None), None)
    if pooled is not None:
        return pooled.flatten(1)
    tokens: Tensor = getattr(output, "last_hidden_state", output)
    if tokens.ndim == 4:  # noqa: PLR2004
        return tokens.mean((2, 3))
    if tokens.ndim == 2:  # noqa: PLR2004
        return tokens
    tokened = any(name.endswith(CLASS_TOKENS) for name, _ in module.named_parameters())
    return tokens[:, 0] if tokened else tokens.mean(1)


CLASS_TOKENS = ("cls_token", "class_token", "class_embedding", "cls_embedding")
"""Ends of the names of class tokens' parameters."""

READERS: dict[str, Callable[[Any, Any], Any]] = {
    "classification": _logits,
    "segmentation": _logits,
    "detection": _boxes,
    "depth": _depth,
    "masks": _masks,
    "encoding": features_of,
}
"""Task -> what camctl reads of a model and its output."""


def _quantised(module: Any, config: Any, seed: int) -> Forward:
    """Forward pass of ImageGPT, which reads every pixel as the nearest of `vocab_size` - 1 colours in -1..1."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    clusters = getattr(config, "clusters", None)
    drawn = torch.rand((config.vocab_size - 1, 3), generator=generator) * 2 - 1
    colours = drawn if clusters is None else torch.tensor(clusters, dtype=torch.float32)

    def forward(pictures: Tensor) -> Tensor:
        pixels = pictures.flatten(2).transpose(1, 2)
        codes = torch.cdist(
            pixels.detach().float(), colours.to(pixels.device)[None].expand(len(pixels), -1, -1)
        ).argmin(2)
        embedded = module.get_input_embeddings()(codes)
        # Codes have no gradient: the added zero connects the graph to the pictures.
        return _logits(module, module(inputs_embeds=embedded + 0 * pictures.sum()))

    return forward
