"""Folders as save_pretrained makes them, tiny and seeded, with tokenizers of a few words."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
import transformers
from camctl_transformers.finding import quiet

from camctl.kit.random_weights import enliven

if TYPE_CHECKING:
    from pathlib import Path

    from transformers_families import Family

WORDS = ("<pad>", "<unk>", "<s>", "</s>", "a", "photo", "of", "cat", "dog", "bird")
NAMES = ("ant", "bee", "cat", "dog", "eel")


def config_of(family: Family) -> Any:
    """The configuration of a tiny model."""
    kind = getattr(transformers, family.kind)
    given = dict(family.config)
    if family.vision:
        given["vision_config"] = family.vision
    if family.vision:
        given["text_config"] = family.text or {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1,
                                               "intermediate_size": 8, "vocab_size": 9}  # fmt: skip
    if not family.labels:
        given["id2label"] = dict(enumerate(NAMES))
    return kind.config_class(**given)


def module_of(family: Family, seed: int = 0) -> Any:
    """The model, every parameter drawn from the seed so that nothing is zero by its init."""
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = getattr(transformers, family.kind)(config_of(family))
    enliven(module, seed)
    return module.eval()


def processor_of(family: Family) -> Any:
    """The family's own image processor at the tiny size."""
    from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING_NAMES

    model_type = getattr(transformers, family.kind).config_class.model_type
    # Parts of other models have no processor of their own, and GLPN's keeps the picture's size.
    own = None if model_type in {"glpn", "chmv2", "eomt", "zoedepth"} else IMAGE_PROCESSOR_MAPPING_NAMES.get(model_type)
    names = own or {"torchvision": "ViTImageProcessor"}
    kind = getattr(transformers, names["torchvision"])
    square = {"height": family.size, "width": family.size}
    if model_type.startswith("siglip2"):
        return transformers.Siglip2ImageProcessor(patch_size=8, max_num_patches=64)
    if "ConvNext" in names["torchvision"]:
        return kind(size={"shortest_edge": family.size}, crop_pct=1.0)
    edge = {"shortest_edge": family.size}
    given: dict[str, dict[str, Any]] = {
        "textnet": {"size": edge, "crop_size": square},
        "pp_lcnet": {"resize_short": family.size, "crop_size": square},
        "poolformer": {"size": edge, "crop_size": square, "crop_pct": 1.0},
        "mask2former": {"size": square, "size_divisor": 0},
        "maskformer": {"size": square, "size_divisor": 0},
    }
    return kind(**given.get(model_type, {"size": square, "do_center_crop": False}))


def tokenizer_of() -> Any:
    """Ten words, split at spaces, closed by the end token that CLIP reads."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    tokens = Tokenizer(models.WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="<unk>"))  # noqa: S106
    tokens.pre_tokenizer = pre_tokenizers.Whitespace()
    tokens.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 2), ("</s>", 3)]
    )
    special = {"pad_token": "<pad>", "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokens, **special)


def saved(family: Family, folder: Path, *, module: Any = None) -> Any:
    """Save a family's tiny model with its image processor, and a tokenizer where it reads texts; gives the model."""
    with quiet():
        module = module_of(family) if module is None else module
        module.save_pretrained(folder)
        processor_of(family).save_pretrained(folder)
        if family.labels:
            tokenizer_of().save_pretrained(folder)
    return module
