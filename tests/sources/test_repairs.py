"""The repair of mmpretrain's T2T-ViT, held against a forward pass written from the paper's own code."""

from __future__ import annotations

import importlib
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.nn import functional

from camctl.sources.repairs import repair

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

T2TFactory = Any

# T2T-ViT-14 is 384 wide with 14 layers of 6 heads; here its proportions on a smaller scale.
SMALL = {"img_size": 64, "embed_dims": 48, "num_layers": 3, "heads": 6, "token_dims": 16}
SQUARE_PICTURE = (2, 3, 64, 64)


@pytest.fixture(scope="module")
def t2t_factory() -> T2TFactory:
    """Makes a small mmpretrain T2T-ViT classifier with random weights, large enough to make attention matter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mmcv-lite says at import what it lacks
        importlib.import_module("mmpretrain.models")
        from mmpretrain.registry import MODELS

    def make(*, token_dims: int = SMALL["token_dims"], **layer: float) -> nn.Module:
        torch.manual_seed(0)
        model = MODELS.build(
            {
                "type": "ImageClassifier",
                "backbone": {
                    "type": "T2T_ViT",
                    "img_size": SMALL["img_size"],
                    "embed_dims": SMALL["embed_dims"],
                    "num_layers": SMALL["num_layers"],
                    "t2t_cfg": {"token_dims": token_dims, "use_performer": False},
                    "layer_cfgs": {
                        "num_heads": SMALL["heads"],
                        "feedforward_channels": 3 * SMALL["embed_dims"],
                        **layer,
                    },
                },
                "head": {"type": "VisionTransformerClsHead", "num_classes": 5, "in_channels": SMALL["embed_dims"]},
            },
        )
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.15)
        return model.eval()

    return make


def norm(tokens: Tensor, weights: Mapping[str, Tensor], name: str) -> Tensor:
    return functional.layer_norm(tokens, tokens.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"])


def feedforward(tokens: Tensor, weights: Mapping[str, Tensor], name: str) -> Tensor:
    first, second = f"{name}.layers.0.0", f"{name}.layers.1"
    hidden = functional.gelu(tokens @ weights[f"{first}.weight"].T + weights[f"{first}.bias"])
    return hidden @ weights[f"{second}.weight"].T + weights[f"{second}.bias"]


def attention(tokens: Tensor, weights: Mapping[str, Tensor], name: str, heads: int) -> tuple[Tensor, Tensor]:
    """What every head found, projected, and the values themselves; logits times (input width / heads) ** -0.5."""
    batch, count, wide = tokens.shape
    three = tokens @ weights[f"{name}.qkv.weight"].T
    query, key, value = three.view(batch, count, 3, heads, -1).permute(2, 0, 3, 1, 4).unbind()
    logits = (query * (wide // heads) ** -0.5) @ key.transpose(-2, -1)
    mixed = (logits.softmax(dim=-1) @ value).transpose(1, 2).flatten(2)
    return mixed @ weights[f"{name}.proj.weight"].T + weights[f"{name}.proj.bias"], value


def official_logits(picture: Tensor, weights: Mapping[str, Tensor], heads: int) -> Tensor:
    """T2T-ViT as its authors run it: soft splits, two token transformers, then plain encoder blocks."""
    module = "backbone.tokens_to_token"
    tokens = functional.unfold(picture, 7, stride=4, padding=2).transpose(1, 2)
    for step in (1, 2):
        name = f"{module}.attention{step}"
        found, value = attention(norm(tokens, weights, f"{name}.ln1"), weights, f"{name}.attn", heads=1)
        # The input is wider than the embedding, so the values take the place of the residual.
        tokens = value.squeeze(1) + found
        tokens = tokens + feedforward(norm(tokens, weights, f"{name}.ln2"), weights, f"{name}.ffn")
        side = round(tokens.shape[1] ** 0.5)
        image = tokens.transpose(1, 2).unflatten(2, (side, side))
        tokens = functional.unfold(image, 3, stride=2, padding=1).transpose(1, 2)
    tokens = tokens @ weights[f"{module}.project.weight"].T + weights[f"{module}.project.bias"]

    class_token = weights["backbone.cls_token"].expand(len(picture), -1, -1)
    tokens = torch.cat([class_token, tokens], dim=1) + weights["backbone.pos_embed"]
    for layer in range(SMALL["num_layers"]):
        name = f"backbone.encoder.{layer}"
        found, _ = attention(norm(tokens, weights, f"{name}.ln1"), weights, f"{name}.attn", heads)
        tokens = tokens + found
        tokens = tokens + feedforward(norm(tokens, weights, f"{name}.ln2"), weights, f"{name}.ffn")
    read = norm(tokens, weights, "backbone.norm")[:, 0]
    return read @ weights["head.layers.head.weight"].T + weights["head.layers.head.bias"]


@pytest.mark.parametrize("token_dims", [16, 64])
def test_repaired_t2t_computes_what_the_papers_code_computes(t2t_factory: T2TFactory, token_dims: int) -> None:
    model = t2t_factory(token_dims=token_dims)
    picture = torch.randn(SQUARE_PICTURE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = official_logits(picture, model.state_dict(), SMALL["heads"])
        stock = model(picture)
        said = repair(model)
        repaired = model(picture)

    assert len(said) == 1
    assert repair(model) == ()
    assert f"{SMALL['num_layers'] + 2} layers" in said[0]
    torch.testing.assert_close(repaired, wanted, rtol=0, atol=1e-5)
    assert (stock - wanted).abs().max() > 1e-2


def test_each_token_layer_alone_is_repaired(t2t_factory: T2TFactory) -> None:
    model = t2t_factory()
    weights = model.state_dict()
    module = model.backbone.tokens_to_token
    repair(model)
    for name, wide in (("attention1", 3 * 7 * 7), ("attention2", SMALL["token_dims"] * 3 * 3)):
        tokens = torch.randn(2, 9, wide, generator=torch.Generator().manual_seed(2))
        found, value = attention(tokens, weights, f"backbone.tokens_to_token.{name}.attn", heads=1)
        with torch.no_grad():
            torch.testing.assert_close(getattr(module, name).attn(tokens), value.squeeze(1) + found, rtol=0, atol=1e-5)


def test_repair_touches_only_the_model_it_is_given(t2t_factory: T2TFactory) -> None:
    model, neighbour = t2t_factory(), t2t_factory()
    picture = torch.randn(SQUARE_PICTURE, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        before = neighbour(picture)
        repair(model)
        assert torch.equal(neighbour(picture), before)


def test_a_t2t_that_scales_rightly_is_left_alone(t2t_factory: T2TFactory) -> None:
    model = t2t_factory()
    for module in model.modules():
        if type(module).__name__ == "T2TTransformerLayer":
            attn = module.attn
            attn.scaled_dot_product_attention = partial(functional.scaled_dot_product_attention, scale=0.4)
    assert repair(model) == ()


def test_repaired_attention_still_drops_out_in_training(t2t_factory: T2TFactory) -> None:
    model = t2t_factory(attn_drop_rate=0.5)
    repair(model)
    model.train()
    picture = torch.randn(SQUARE_PICTURE)
    with torch.no_grad():
        assert not torch.equal(model(picture), model(picture))


def test_models_of_other_families_need_no_repair() -> None:
    assert repair(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.MultiheadAttention(4, 2))) == ()
