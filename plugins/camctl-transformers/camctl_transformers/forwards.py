"""From a batch of pictures to logits, for every family's forward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from camctl_transformers.processing import patches_of

if TYPE_CHECKING:
    from torch import Tensor

    Forward = Callable[[Tensor], Tensor]


def forward_of(module: Any, config: Any, seed: int = 0) -> Forward:
    """Make a function from pictures (N, 3, h, w) to logits (N, classes)."""
    if config.model_type == "imagegpt":
        return _quantised(module, config, seed)
    inputs = inputs_of(config)

    def forward(pictures: Tensor) -> Tensor:
        return logits_of(module(**inputs(pictures)))

    return forward


def inputs_of(config: Any) -> Callable[[Tensor], dict[str, Any]]:
    """Make a function from a batch of pictures to the model's keyword arguments."""
    if config.model_type != "siglip2":
        return lambda pictures: {"pixel_values": pictures}
    edge = config.vision_config.patch_size

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


def logits_of(output: Any) -> Tensor:
    """The logits in a model's output."""
    logits: Tensor | None = getattr(output, "logits", None)
    # PPLCNetForImageClassification has its logits under another name.
    return output.last_hidden_state if logits is None else logits


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
        return logits_of(module(inputs_embeds=embedded + 0 * pictures.sum()))

    return forward
