"""From a batch of pictures to logits, whatever a family's forward pass wants and gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from camctl_transformers.processing import patches_of

if TYPE_CHECKING:
    from torch import Tensor

    Forward = Callable[[Tensor], Tensor]


def forward_of(module: Any, config: Any, seed: int = 0) -> Forward:
    """Pictures (N, 3, h, w) -> logits (N, classes)."""
    if config.model_type == "imagegpt":
        return _quantised(module, config, seed)
    inputs = inputs_of(config)

    def forward(pictures: Tensor) -> Tensor:
        return logits_of(module(**inputs(pictures)))

    return forward


def inputs_of(config: Any) -> Callable[[Tensor], dict[str, Any]]:
    """What a model is called with, for a batch of pictures."""
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
    """The scores in a model's output."""
    found = getattr(output, "logits", None)
    # PPLCNetForImageClassification gives its logits under another name.
    logits: Tensor = output.last_hidden_state if found is None else found
    return logits


def _quantised(module: Any, config: Any, seed: int) -> Forward:
    """ImageGPT reads every pixel as the nearest of `vocab_size` - 1 colours, in -1..1."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    kept = getattr(config, "clusters", None)
    drawn = torch.rand((config.vocab_size - 1, 3), generator=generator) * 2 - 1
    colours = drawn if kept is None else torch.tensor(kept, dtype=torch.float32)

    def forward(pictures: Tensor) -> Tensor:
        pixels = pictures.flatten(2).transpose(1, 2)
        codes = torch.cdist(
            pixels.detach().float(), colours.to(pixels.device)[None].expand(len(pixels), -1, -1)
        ).argmin(2)
        embedded = module.get_input_embeddings()(codes)
        # Codes have no gradient: what is added is zero, and ties the graph to the pictures.
        return logits_of(module(inputs_embeds=embedded + 0 * pictures.sum()))

    return forward
