"""CLIP, SigLIP and relatives: a text's score is its similarity to the picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from camctl.errors import Hint, InputError, one_line
from camctl_transformers.finding import Found, quiet
from camctl_transformers.forwards import features_of, inputs_of

if TYPE_CHECKING:
    from torch import Tensor

SIGMOID = {"siglip", "siglip2"}
"""Families trained on each text independently."""
USAGE = Hint("Give texts", labels=("a photo of a cat", "a photo of a dog"))


def zero_shot_forward(module: Any, found: Found, labels: tuple[str, ...]) -> Callable[[Tensor], Tensor]:
    """Make a function from pictures (N, 3, h, w) to their similarities to each text, scaled as in training."""
    import torch

    with torch.no_grad():
        texts = _unit(features_of(module, module.get_text_features(**_tokens(found, labels))))
    scale = module.logit_scale.detach().exp()
    bias = getattr(module, "logit_bias", None)
    inputs = inputs_of(found.config)

    def forward(pictures: Tensor) -> Tensor:
        features = _unit(features_of(module, module.get_image_features(**inputs(pictures))))
        similarity = features @ texts.to(features).T * scale.to(features)
        logits: Tensor = similarity if bias is None else similarity + bias.to(features)
        return logits

    return forward


def _tokens(found: Found, labels: tuple[str, ...]) -> dict[str, Tensor]:
    from transformers import AutoTokenizer

    config = found.config
    longest = getattr(getattr(config, "text_config", None), "max_position_embeddings", 64)
    # SigLIP was trained on texts padded to the full length, and reads the last position.
    padding = "max_length" if config.model_type in SIGMOID else True
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(found.name or ".", trust_remote_code=False, **found.at)
            tokens = tokenizer(list(labels), padding=padding, truncation=True, max_length=longest, return_tensors="pt")
    except Exception as error:
        message = f"The tokenizer of '{found.name or config.model_type}' cannot be loaded: {one_line(error)}"
        raise InputError(message, hint="Save it in the model's folder with tokenizer.save_pretrained.") from error
    # Without its files a tokenizer is empty and reads every word as the same.
    if len(tokenizer.get_vocab()) <= len(tokenizer.all_special_ids):
        message = f"The tokenizer of '{found.name or config.model_type}' knows no words: its files are missing."
        raise InputError(message, hint="Save it in the model's folder with tokenizer.save_pretrained.")
    keys = {"input_ids"} if config.model_type in SIGMOID else {"input_ids", "attention_mask"}
    return {key: value for key, value in tokens.items() if key in keys}


def _unit(features: Tensor) -> Tensor:
    unit: Tensor = features / features.norm(dim=-1, keepdim=True)
    return unit
