"""Repairs of known defects of model libraries, in the explained model only.

mmpretrain 1.2.0, T2T-ViT: `T2TTransformerLayer` requests a scale of `(input_dims // num_heads) ** -0.5` from its
attention, by which the paper's code (arXiv:2101.11986) multiplies the attention logits. `MultiheadAttention` ignores
that number and passes `head_dims ** -0.5` to a function that *divides* by it: the logits grow by the root of the head's
width instead of shrinking, softmax saturates, and published weights are run wrongly. The defect is detected by what a
layer computes, not by a version number, so a correct later release is left as it is.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor, nn


def repair(model: nn.Module) -> tuple[str, ...]:
    """Repair known defects of the model in place, never the library; one line for each repair.

    A second call changes nothing.
    """
    attentions: list[Any] = [layer.attn for layer in model.modules() if _is_t2t(layer) and _multiplies(layer.attn)]
    for attention in attentions:
        scale = _documented_scale(attention)
        attention.scaled_dot_product_attention = partial(functional.scaled_dot_product_attention, scale=scale)
    if not attentions:
        return ()
    count = "1 layer" if len(attentions) == 1 else f"{len(attentions)} layers"
    return (f"T2T-ViT: attention of {count} scaled as in the paper's code (mmpretrain 1.2.0 scales it up).",)


def _is_t2t(layer: nn.Module) -> bool:
    """Whether a layer is T2T-ViT's; by name, so that mmpretrain is not imported for other models."""
    attention = getattr(getattr(layer, "attn", None), "scaled_dot_product_attention", None)
    return any(kind.__name__ == "T2TTransformerLayer" for kind in type(layer).__mro__) and callable(attention)


def _documented_scale(attention: Any) -> float:
    return float((attention.input_dims // attention.num_heads) ** -0.5)


def _multiplies(attention: Any) -> bool:
    """Whether this attention scales by exactly the defect's factor; any other may be intended."""
    defect, documented = attention.head_dims**0.5, _documented_scale(attention)
    if defect == documented:
        return False
    # The logits of one query for two keys are 1 and 0 before scaling, so the output is softmax's first weight.
    query = torch.zeros(1, 1, 1, attention.head_dims)
    query[..., 0] = 1
    key = torch.cat([query, torch.zeros_like(query)], dim=2)
    output: Tensor = attention.scaled_dot_product_attention(query, key, key, dropout_p=0.0)
    return bool(torch.isclose(output[0, 0, 0, 0], torch.tensor(defect).sigmoid(), rtol=0, atol=1e-6))
