"""Every family of image classifiers: a tiny configuration, and what someone who knows the architecture would name.

The answers are for GradCAM, written from the forward passes and not from the probe. On convolutional networks the layer
is the last output with places that the head reads, activated and behind the residual sum; where a ReLU alone follows a
norm, GradCAM is taken at that norm. On networks of tokens it is the last norm that still has live places. Grids are for
the input size in the configuration.
Widths are chosen so that no width is a square number: 48, not 64.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

SIZE = 64

VIT: dict[str, Any] = {
    "hidden_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "image_size": SIZE,
    "patch_size": 8,
}
SWIN: dict[str, Any] = {
    "embed_dim": 12,
    "depths": [1, 1, 2],
    "num_heads": [2, 2, 4],
    "window_size": 4,
    "image_size": SIZE,
    "patch_size": 2,
}
STAGES: dict[str, Any] = {"hidden_sizes": [12, 24, 40, 80], "depths": [1, 1, 2, 2]}
TEXT: dict[str, Any] = {
    "hidden_size": 24,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "vocab_size": 60,
    "max_position_embeddings": 16,
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": 3,
}


@dataclass(frozen=True, kw_only=True)
class Family:
    """One family."""

    kind: str
    """Name of the class in transformers."""
    config: dict[str, Any]
    layer: str
    """Pattern of the layer's name; the last module that matches is meant."""
    grid: tuple[int, int]
    why: str
    extra_tokens: int = 0
    vision: dict[str, Any] = field(default_factory=dict)
    """What goes into `vision_config`, for models of two parts."""
    text: dict[str, Any] = field(default_factory=dict)
    size: int = SIZE
    """Pixels a side."""
    labels: tuple[str, ...] = ()
    """Texts, for zero-shot models."""

    def layer_in(self, module: Any) -> str:
        """The layer's name in this very model."""
        return [name for name, _ in module.named_modules() if fnmatchcase(name, self.layer)][-1]


CLASS_TOKEN = "Only the class token is read: the norm that feeds the last attention is the last live one."  # noqa: S105
FINAL_NORM = "The final norm, whose places are averaged."
LAST_BLOCK = "The last block's output; what follows the blocks is pooled first."

FAMILIES: dict[str, Family] = {
    "vit": Family(
        kind="ViTForImageClassification",
        config=VIT,
        layer="vit.layers.*.layernorm_before",
        grid=(8, 8),
        extra_tokens=1,
        why=CLASS_TOKEN,
    ),
    "deit": Family(
        kind="DeiTForImageClassification",
        config=VIT,
        layer="deit.layers.*.layernorm_before",
        grid=(8, 8),
        extra_tokens=2,
        why=CLASS_TOKEN,
    ),
    "deit-distilled": Family(
        kind="DeiTForImageClassificationWithTeacher",
        config=VIT,
        layer="deit.layers.*.layernorm_before",
        grid=(8, 8),
        extra_tokens=2,
        why="The class and the distillation token are read, and no patch.",
    ),
    "vit_msn": Family(
        kind="ViTMSNForImageClassification",
        config=VIT,
        layer="vit.layers.*.layernorm_before",
        grid=(8, 8),
        extra_tokens=1,
        why=CLASS_TOKEN,
    ),
    "ijepa": Family(
        kind="IJepaForImageClassification", config=VIT, layer="ijepa.layernorm", grid=(8, 8), why=FINAL_NORM
    ),
    "beit": Family(
        kind="BeitForImageClassification",
        config=VIT | {"use_relative_position_bias": True},
        layer="beit.layers.*.layernorm_after",
        grid=(8, 8),
        extra_tokens=1,
        why="Patches are averaged, then normed: the last block's last norm.",
    ),
    "beit-class-token": Family(
        kind="BeitForImageClassification",
        config=VIT | {"use_mean_pooling": False},
        layer="beit.layers.*.layernorm_before",
        grid=(8, 8),
        extra_tokens=1,
        why=CLASS_TOKEN,
    ),
    "data2vec-vision": Family(
        kind="Data2VecVisionForImageClassification",
        config=VIT,
        layer="data2vec_vision.encoder.layer.*.layernorm_after",
        grid=(8, 8),
        extra_tokens=1,
        why="As BEiT.",
    ),
    "dinov2": Family(
        kind="Dinov2ForImageClassification",
        config=VIT,
        layer="dinov2.layernorm",
        grid=(8, 8),
        extra_tokens=1,
        why="The class token beside the mean of the patches, both after the final norm.",
    ),
    "dinov2_with_registers": Family(
        kind="Dinov2WithRegistersForImageClassification",
        config=VIT | {"num_register_tokens": 4},
        layer="dinov2_with_registers.layernorm",
        grid=(8, 8),
        extra_tokens=5,
        why="As DINOv2, with four registers after the class token.",
    ),
    "clip": Family(
        kind="CLIPForImageClassification",
        config={},
        vision=VIT,
        layer="vision_model.encoder.layers.*.layer_norm2",
        grid=(8, 8),
        extra_tokens=1,
        why="The mean of the patches as the last block gives them: its last norm.",
    ),
    "metaclip_2": Family(
        kind="MetaClip2ForImageClassification",
        config={},
        vision=VIT,
        layer="vision_model.encoder.layers.*.layer_norm2",
        grid=(8, 8),
        extra_tokens=1,
        why="As CLIP.",
    ),
    "siglip": Family(
        kind="SiglipForImageClassification",
        config={},
        vision=VIT,
        layer="vision_model.post_layernorm",
        grid=(8, 8),
        why=FINAL_NORM,
    ),
    "siglip2": Family(
        kind="Siglip2ForImageClassification",
        config={},
        vision={key: value for key, value in VIT.items() if key != "image_size"} | {"num_patches": 64},
        layer="vision_model.post_layernorm",
        grid=(7, 9),
        why="The final norm; patches keep the picture's aspect ratio, 4 : 3, and there are 64 of them at most.",
    ),
    "swin": Family(kind="SwinForImageClassification", config=SWIN, layer="swin.layernorm", grid=(8, 8), why=FINAL_NORM),
    "swinv2": Family(
        kind="Swinv2ForImageClassification", config=SWIN, layer="swinv2.layernorm", grid=(8, 8), why=FINAL_NORM
    ),
    "donut-swin": Family(
        kind="DonutSwinForImageClassification",
        config=SWIN,
        layer="donut.encoder.layers.?.blocks.*.layernorm_after",
        grid=(8, 8),
        why="A Swin without a final norm: the last block's last norm.",
    ),
    "convnext": Family(
        kind="ConvNextForImageClassification",
        config=STAGES | {"image_size": 128},
        layer="convnext.encoder.stages.3.layers.?",
        grid=(4, 4),
        size=128,
        why=LAST_BLOCK,
    ),
    "convnextv2": Family(
        kind="ConvNextV2ForImageClassification",
        config=STAGES | {"image_size": 128},
        layer="convnextv2.encoder.stages.3.layers.?",
        grid=(4, 4),
        size=128,
        why=LAST_BLOCK,
    ),
    "resnet": Family(
        kind="ResNetForImageClassification",
        config=STAGES | {"embedding_size": 12, "layer_type": "bottleneck"},
        layer="resnet.encoder.stages.3.layers.?.activation",
        grid=(4, 4),
        size=128,
        why="The last block's output: the ReLU behind the sum.",
    ),
    "resnet-basic": Family(
        kind="ResNetForImageClassification",
        config=STAGES | {"embedding_size": 12, "layer_type": "basic"},
        layer="resnet.encoder.stages.3.layers.?.activation",
        grid=(4, 4),
        size=128,
        why="As with bottlenecks.",
    ),
    "regnet": Family(
        kind="RegNetForImageClassification",
        config=STAGES | {"embedding_size": 12, "groups_width": 4},
        layer="regnet.encoder.stages.3.layers.?.activation",
        grid=(4, 4),
        size=128,
        why="The last block's output: the ReLU behind the sum.",
    ),
    "regnet-x": Family(
        kind="RegNetForImageClassification",
        config=STAGES | {"embedding_size": 12, "groups_width": 4, "layer_type": "x"},
        layer="regnet.encoder.stages.3.layers.?.activation",
        grid=(4, 4),
        size=128,
        why="As RegNet Y, without squeeze and excitation.",
    ),
    "regnet-one-block": Family(
        kind="RegNetForImageClassification",
        config=STAGES | {"embedding_size": 12, "groups_width": 4, "depths": [1, 1, 2, 1]},
        layer="regnet.encoder.stages.3.layers.?.activation",
        grid=(4, 4),
        size=128,
        why="The larger RegNets end in one block, whose shortcut has a norm that runs later than the long path's.",
    ),
    "bit": Family(
        kind="BitForImageClassification",
        config=STAGES | {"embedding_size": 12, "num_groups": 4},
        layer="bit.norm",
        grid=(4, 4),
        size=128,
        why="The final norm, which has its activation inside.",
    ),
    "bit-bottleneck": Family(
        kind="BitForImageClassification",
        config=STAGES | {"embedding_size": 12, "num_groups": 4, "layer_type": "bottleneck"},
        layer="bit.encoder.stages.3.layers.?.activation",
        grid=(4, 4),
        size=128,
        why="The last block's output: the ReLU behind the sum; the norm after it is an identity.",
    ),
    "hgnet_v2": Family(
        kind="HGNetV2ForImageClassification",
        config={
            "embedding_size": 12,
            "depths": [1, 1, 1, 2],
            "hidden_sizes": [12, 24, 40, 80],
            "stem_channels": [3, 12, 12],
            "stage_in_channels": [12, 12, 24, 40],
            "stage_mid_channels": [12, 12, 12, 12],
            "stage_out_channels": [12, 24, 40, 80],
            "stage_num_blocks": [1, 1, 2, 1],
            "stage_numb_of_layers": [2, 2, 2, 2],
        },
        layer="encoder.stages.3.blocks.?.aggregation.1.normalization",
        grid=(4, 4),
        size=128,
        why="The last block has no shortcut: the norm of its last convolution, which a ReLU alone follows.",
    ),
    "hgnet_v2-residual": Family(
        kind="HGNetV2ForImageClassification",
        config={
            "embedding_size": 12,
            "depths": [1, 1, 1, 2],
            "hidden_sizes": [12, 24, 40, 80],
            "stem_channels": [3, 12, 12],
            "stage_in_channels": [12, 12, 24, 40],
            "stage_mid_channels": [12, 12, 12, 12],
            "stage_out_channels": [12, 24, 40, 80],
            "stage_num_blocks": [1, 1, 1, 2],
            "stage_numb_of_layers": [2, 2, 2, 2],
        },
        layer="encoder.stages.3.blocks.?",
        grid=(4, 4),
        size=128,
        why="The last block's sum, with nothing after it.",
    ),
    "pp_lcnet": Family(
        kind="PPLCNetForImageClassification",
        config={"scale": 0.5, "class_expand": 40},
        layer="encoder.blocks.*.pointwise_convolution.activation",
        grid=(4, 4),
        size=128,
        why="The last 1 x 1 convolution, activated; another one comes after pooling.",
    ),
    "mobilenet_v1": Family(
        kind="MobileNetV1ForImageClassification",
        config={"depth_multiplier": 0.25, "image_size": 128},
        layer="mobilenet_v1.layer.25.normalization",
        grid=(4, 4),
        size=128,
        why="The norm of the last 1 x 1 convolution, which ReLU6 alone follows.",
    ),
    "mobilenet_v2": Family(
        kind="MobileNetV2ForImageClassification",
        config={"depth_multiplier": 0.35, "image_size": 128},
        layer="mobilenet_v2.conv_1x1.normalization",
        grid=(4, 4),
        size=128,
        why="The norm of the last 1 x 1 convolution, which ReLU6 alone follows.",
    ),
    "efficientnet": Family(
        kind="EfficientNetForImageClassification",
        config={"width_coefficient": 0.25, "depth_coefficient": 0.4, "hidden_dim": 320, "image_size": 128},
        layer="efficientnet.encoder.top_activation",
        grid=(4, 4),
        size=128,
        why="The last 1 x 1 convolution, activated: SiLU.",
    ),
    "mobilevit": Family(
        kind="MobileViTForImageClassification",
        config={
            "hidden_sizes": [24, 40, 48],
            "neck_hidden_sizes": [8, 12, 20, 24, 28, 40, 80],
            "num_attention_heads": 4,
            "image_size": 128,
        },
        layer="mobilevit.conv_1x1_exp.activation",
        grid=(4, 4),
        size=128,
        why="The last 1 x 1 convolution, activated: SiLU.",
    ),
    "mobilevitv2": Family(
        kind="MobileViTV2ForImageClassification",
        config={"width_multiplier": 0.25, "image_size": 128, "base_attn_unit_dims": [96, 160, 192]},
        layer="mobilevitv2.encoder.layer.4.conv_projection.normalization",
        grid=(4, 4),
        size=128,
        why="The last layer ends in a 1 x 1 convolution with a norm; its output is averaged.",
    ),
    "focalnet": Family(
        kind="FocalNetForImageClassification",
        config={
            "embed_dim": 12,
            "depths": [1, 1, 2],
            "focal_levels": [2, 2, 2],
            "focal_windows": [3, 3, 3],
            "image_size": SIZE,
            "patch_size": 2,
        },
        layer="focalnet.layernorm",
        grid=(8, 8),
        why=FINAL_NORM,
    ),
    "poolformer": Family(
        kind="PoolFormerForImageClassification",
        config={"hidden_sizes": [12, 24, 40, 80], "depths": [1, 1, 2, 2]},
        layer="norm",
        grid=(4, 4),
        size=128,
        why=FINAL_NORM,
    ),
    "hiera": Family(
        kind="HieraForImageClassification",
        config={
            "embed_dim": 12,
            "image_size": [128, 128],
            "depths": [1, 1, 2, 2],
            "num_heads": [1, 2, 4, 8],
            "masked_unit_size": [8, 8],
            "query_stride": [2, 2],
        },
        layer="hiera.encoder.stages.3.layers.*.layernorm_after",
        grid=(4, 4),
        size=128,
        why="The last block's last norm: after three poolings, tokens lie row by row again.",
    ),
    "pvt": Family(
        kind="PvtForImageClassification",
        config={
            "hidden_sizes": [12, 24, 40, 80],
            "depths": [1, 1, 1, 2],
            "num_attention_heads": [1, 2, 4, 8],
            "image_size": 224,
        },
        layer="pvt.encoder.block.3.*.layer_norm_1",
        grid=(7, 7),
        size=224,
        extra_tokens=1,
        why=CLASS_TOKEN,
    ),
    "pvt_v2": Family(
        kind="PvtV2ForImageClassification",
        config={
            "hidden_sizes": [12, 24, 40, 80],
            "depths": [1, 1, 1, 2],
            "num_attention_heads": [1, 2, 4, 8],
            "image_size": 128,
        },
        layer="pvt_v2.encoder.layers.3.layer_norm",
        grid=(4, 4),
        size=128,
        why=FINAL_NORM,
    ),
    "segformer": Family(
        kind="SegformerForImageClassification",
        config={
            "hidden_sizes": [12, 24, 40, 80],
            "depths": [1, 1, 1, 2],
            "num_attention_heads": [1, 2, 4, 8],
        },
        layer="segformer.*layer_norm*",
        grid=(4, 4),
        size=128,
        why="The norm after the last stage, whose places are averaged.",
    ),
    "cvt": Family(
        kind="CvtForImageClassification",
        config={"embed_dim": [12, 24, 48], "depth": [1, 2, 3], "num_heads": [1, 2, 4]},
        layer="cvt.encoder.stages.2.layers.*.layernorm_before",
        grid=(4, 4),
        extra_tokens=1,
        why=CLASS_TOKEN,
    ),
    "levit": Family(
        kind="LevitForImageClassification",
        config={
            "hidden_sizes": [24, 40, 48],
            "num_attention_heads": [2, 4, 4],
            "depths": [1, 1, 2],
            "key_dim": [8, 8, 8],
            "image_size": 256,
        },
        layer="levit.encoder.stages.2.layers.?",
        grid=(4, 4),
        size=256,
        why="Norms run on (N * L, C), places without pictures: the last residual layer's output, which is averaged.",
    ),
    "levit-distilled": Family(
        kind="LevitForImageClassificationWithTeacher",
        config={
            "hidden_sizes": [24, 40, 48],
            "num_attention_heads": [2, 4, 4],
            "depths": [1, 1, 2],
            "key_dim": [8, 8, 8],
            "image_size": 256,
        },
        layer="levit.encoder.stages.2.layers.?",
        grid=(4, 4),
        size=256,
        why="As LeViT.",
    ),
    "swiftformer": Family(
        kind="SwiftFormerForImageClassification",
        config={"embed_dims": [12, 24, 40, 80], "depths": [1, 1, 1, 2], "image_size": 128},
        layer="norm",
        grid=(4, 4),
        size=128,
        why=FINAL_NORM,
    ),
    "textnet": Family(
        kind="TextNetForImageClassification",
        config={"hidden_sizes": [12, 12, 24, 40, 80], "stem_num_channels": 3, "stem_out_channels": 12},
        layer="textnet.encoder.stages.3.stage.*.activation_function",
        grid=(4, 6),
        size=128,
        why="Convolutions side by side, each with its norm: their sum after ReLU. 128 x 192, by the picture's aspect.",
    ),
    "imagegpt": Family(
        kind="ImageGPTForImageClassification",
        config={"n_embd": 48, "n_layer": 2, "n_head": 4, "n_positions": 256, "vocab_size": 33},
        layer="transformer.ln_f",
        grid=(16, 16),
        size=16,
        why=FINAL_NORM,
    ),
    "perceiver": Family(
        kind="PerceiverForImageClassificationConvProcessing",
        config={
            "num_latents": 512,
            "d_latents": 1024,
            "num_self_attends_per_block": 1,
            "num_blocks": 1,
            "num_self_attention_heads": 2,
            "num_cross_attention_heads": 1,
        },
        layer="perceiver.encoder.cross_attention.attention.self.layernorm2",
        grid=(55, 55),
        size=224,
        why="Latents have no places; what they look at, once, has. Pooling without padding leaves 55 of 56.",
    ),
    "clip-zero-shot": Family(
        kind="CLIPModel",
        config={"projection_dim": 20},
        vision=VIT,
        text=TEXT,
        labels=("a cat", "a photo of a dog"),
        layer="vision_model.encoder.layers.*.layer_norm1",
        grid=(8, 8),
        extra_tokens=1,
        why=CLASS_TOKEN,
    ),
    "metaclip_2-zero-shot": Family(
        kind="MetaClip2Model",
        config={"projection_dim": 20},
        vision=VIT,
        text=TEXT,
        labels=("a cat", "a photo of a dog"),
        layer="vision_model.encoder.layers.*.layer_norm1",
        grid=(8, 8),
        extra_tokens=1,
        why=CLASS_TOKEN,
    ),
    "siglip-zero-shot": Family(
        kind="SiglipModel",
        config={},
        vision=VIT,
        text=TEXT | {"hidden_size": 48, "projection_size": 48},
        labels=("a cat", "a photo of a dog"),
        layer="vision_model.post_layernorm",
        grid=(8, 8),
        why="A learned query looks at all patches after the final norm.",
    ),
    "siglip2-zero-shot": Family(
        kind="Siglip2Model",
        config={},
        vision={key: value for key, value in VIT.items() if key != "image_size"} | {"num_patches": 64},
        text=TEXT | {"hidden_size": 48, "projection_size": 48},
        labels=("a cat", "a photo of a dog"),
        layer="vision_model.post_layernorm",
        grid=(7, 9),
        why="As SigLIP; patches keep the picture's aspect ratio.",
    ),
}
