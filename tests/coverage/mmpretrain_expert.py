"""What an expert would answer for every classifier backbone of mmpretrain 1.2.0, written down from the forward passes.

The rows were written before camctl was asked, and those of convolutional networks anew when what the head reads became
the default. Since the first writing one name was put right (MLP-Mixer's last norm is called `ln1`;
`norm1` is a property that gives it) and one row left out (LeViT's deploy form, see `mmpretrain.md`).

`layers` are the places that an expert would accept, the best first. On convolutional networks: the last tensor with
places that the head reads, activated and behind the residual sum; where a ReLU alone follows a norm, that norm too
(GradCAM is taken there). On networks of tokens: the last norm or block output whose places the class score still
depends on; where a class token alone is read, the norm that feeds the last attention. Names of one and the same tensor
(a block and the ReLU that ends it) stand together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log2
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Expected:
    """A model, and the answer expected from camctl without a flag."""

    backbone: str
    """The backbone's class in mmpretrain; several rows may share it."""
    model: str
    """A name of the index, or a config that ships with it (`configs/...`)."""
    layers: tuple[str, ...]
    """Accepted layers, the best first."""
    grid: tuple[int, int]
    extra: int = 0
    """Number of class, distillation and other tokens before the patches."""
    why: str
    form: str = ""
    """Name of the variant that the options make; empty as published."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """As given to --cfg-options."""
    edge: int | None = None
    """Side of the picture in pixels, for networks that take pictures at their own size."""
    square: bool = False
    """Whether the network takes only its own input size, since positions, biases or linear layers have that size."""

    def wider(self, height: int) -> tuple[int, int]:
        """(pixels, cells) of a wider input: 96 pixels more than `height`, or 98 if patches have 14."""
        stride = 14 if self.grid[0] * 14 == height else 2 ** round(log2(height / self.grid[0]))
        more = 98 if stride == 14 else 96
        return height + more, self.grid[1] + more // stride

    @property
    def name(self) -> str:
        """The model and its form."""
        return f"{self.model} ({self.form})" if self.form else self.model


HEAD = {"model.head._delete_": True, "model.head.type": "LinearClsHead", "model.head.num_classes": 1000}

CLS_ONLY = "Only the class token is read: the norm that feeds the last attention is the last with live patches."
LAST_CONV = "The last convolution behind its norm and activation, which the pooling reads."
RESIDUAL = "The last residual block's output, behind the sum and its ReLU, which the pooling reads."
FINAL_NORM = "The norm after the last stage, which the pooling reads."
POOL_THEN_NORM = "Pools before its final norm: what is pooled is the last block's output."
PATCH_MEAN = "The patches' mean is read and normed after it: the last norm with places is the last block's second."
BRANCHES = "Parallel branches, each with a norm, are summed: only their sum, the block's output, holds all of them."


def _row(backbone: str, model: str, layers: str, grid: int, why: str, **more: Any) -> Expected:
    """Row with a square grid; `layers` are separated by blanks, inside the backbone unless in `neck.` or `head.`."""
    outside = ("neck.", "head.")
    names = tuple(name if name.startswith(outside) else f"backbone.{name}" for name in layers.split())
    return Expected(backbone=backbone, model=model, layers=names, grid=(grid, grid), why=why, **more)


EXPERT = (
    _row(
        "BEiTViT",
        "beit-base-p16_beit-in21k-pre_3rdparty_in1k",
        "layers.11.ln2 layers.11",
        14,
        PATCH_MEAN,
        extra=1,
        square=True,
    ),
    _row(
        "CSPDarkNet",
        "cspdarknet50_3rdparty_8xb32_in1k",
        "stages.4.final_conv.activate stages.4.final_conv stages.4",
        8,
        LAST_CONV,
    ),
    _row(
        "CSPResNet",
        "cspresnet50_3rdparty_8xb32_in1k",
        "stages.3.final_conv.activate stages.3.final_conv stages.3",
        8,
        LAST_CONV,
    ),
    _row(
        "CSPResNeXt",
        "cspresnext50_3rdparty_8xb32_in1k",
        "stages.3.final_conv.activate stages.3.final_conv stages.3",
        7,
        LAST_CONV,
    ),
    _row(
        "Conformer",
        "conformer-tiny-p16_3rdparty_in1k",
        "conv_trans_12.fusion_block.act3 conv_trans_12.fusion_block",
        7,
        "Two heads: the fusion block is the last with live places, and the transformer's features flow into it too.",
    ),
    _row("ConvMixer", "convmixer-1024-20_3rdparty_in1k", "stages.19.3", 16, "Ends in convolution, GELU, norm."),
    _row(
        "ConvNeXt",
        "convnext-tiny_32xb128_in1k",
        "stages.3.2 stages.3",
        7,
        POOL_THEN_NORM,
    ),
    _row(
        "ConvNeXt",
        "convnext-v2-atto_fcmae-pre_3rdparty_in1k",
        "stages.3.1 stages.3",
        7,
        POOL_THEN_NORM,
    ),
    _row("DaViT", "davit-tiny_3rdparty_in1k", "norm3", 7, FINAL_NORM),
    _row(
        "DeiT3",
        "deit3-small-p16_3rdparty_in1k",
        "layers.10 layers.10.ffn layers.10.ln1",
        14,
        "Each block runs its `ln1` twice, and ends with it before the feed-forward part, where patches are dead in the "
        "last block: what feeds the last attention is the output of the block before.",
        extra=1,
    ),
    _row(
        "DenseNet",
        "densenet121_3rdparty_in1k",
        "transitions.3 transitions.3.0",
        7,
        "The norm after the last block, behind its ReLU.",
    ),
    _row(
        "DistilledVisionTransformer",
        "deit-tiny-distilled_3rdparty_in1k",
        "layers.11.ln1",
        14,
        "Only the class and the distillation token are read: the norm that feeds the last attention.",
        extra=2,
    ),
    _row(
        "EdgeNeXt",
        "edgenext-xxsmall_3rdparty_in1k",
        "stages.3.1 stages.3",
        8,
        POOL_THEN_NORM,
    ),
    _row(
        "EfficientFormer",
        "efficientformer-l1_3rdparty_8xb128_in1k",
        "norm3",
        7,
        f"{FINAL_NORM} Its last stage has tokens where the others have planes.",
        square=True,
    ),
    _row("EfficientNet", "efficientnet-b0_3rdparty_8xb32_in1k", "layers.6.activate layers.6", 7, LAST_CONV),
    _row("EfficientNetV2", "efficientnetv2-b0_3rdparty_in1k", "layers.7.activate layers.7", 7, LAST_CONV),
    _row(
        "HRNet",
        "hrnet-w18_3rdparty_8xb32_in1k",
        "neck.0.final_layer.activate neck.0.final_layer neck.0.final_layer.bn",
        7,
        "The neck fuses four resolutions into the coarsest; its last convolution, activated, is what is pooled.",
    ),
    _row(
        "HiViT",
        "hivit-tiny-p16_16xb64_in1k",
        "blocks.15.norm2 blocks.15",
        14,
        "No class token and no final norm: the last norm is the one before the last feed-forward part.",
        square=True,
    ),
    _row("HorNet", "hornet-tiny_3rdparty_in1k", "stages.3.1 stages.3", 7, POOL_THEN_NORM),
    _row(
        "HorNet",
        "hornet-tiny-gf_3rdparty_in1k",
        "stages.3.1 stages.3",
        7,
        f"{POOL_THEN_NORM} Its global filters multiply in the frequency domain.",
    ),
    _row(
        "InceptionV3",
        "inception-v3_3rdparty_8xb32_in1k",
        "Mixed_7c",
        8,
        "The last block joins branches of several widths: no single norm sees all of it.",
    ),
    _row(
        "LeViT",
        "levit-128s_3rdparty_in1k",
        "stages.2.9 stages.2 stages.2.9.block.linear2",
        4,
        "No final norm, and the norms see (N*L, C), where pictures are mixed: the last residual block's output.",
        square=True,
    ),
    _row("MViT", "mvitv2-tiny_3rdparty_in1k", "norm3", 7, FINAL_NORM),
    _row(
        "MixMIMTransformer",
        "mixmim-base_mixmim-pre_8xb128-coslr-100e_in1k",
        "norm",
        7,
        FINAL_NORM,
        square=True,
    ),
    _row(
        "MlpMixer",
        "mlp-mixer-base-p16_3rdparty_64xb64_in1k",
        "ln1",
        14,
        FINAL_NORM,
        square=True,
    ),
    _row("MoCoV3ViT", "vit-small-p16_mocov3-pre_8xb128-linear-coslr-90e_in1k", "layers.11.ln1", 14, CLS_ONLY, extra=1),
    _row("MobileNetV2", "mobilenet-v2_8xb32_in1k", "conv2.activate conv2 conv2.bn", 7, LAST_CONV),
    _row("MobileNetV3", "mobilenet-v3-small-050_3rdparty_in1k", "layer12.activate layer12", 7, LAST_CONV),
    _row("MobileOne", "mobileone-s0_8xb32_in1k", "stage4.1.act stage4.1 stage4", 7, BRANCHES),
    _row(
        "MobileOne",
        "configs/mobileone/deploy/mobileone-s0_deploy_8xb32_in1k.py",
        "stage4.1.act stage4.1 stage4",
        7,
        "One convolution a block and no norm at all: the last block's output.",
        form="deploy",
    ),
    _row("MobileViT", "mobilevit-xxsmall_3rdparty_in1k", "conv_1x1_exp.activate conv_1x1_exp", 8, LAST_CONV),
    _row("PCPVT", "twins-pcpvt-small_3rdparty_8xb128_in1k", "norm_after_stage3", 7, FINAL_NORM),
    _row("PoolFormer", "poolformer-s12_3rdparty_32xb128_in1k", "norm6", 7, FINAL_NORM),
    _row(
        "PyramidVig",
        "pvig-tiny_3rdparty_in1k",
        "stages.3.2.1 stages.3.2 stages.3",
        7,
        "A graph net of planes: the last feed-forward part behind its sum.",
        square=True,
    ),
    _row("RIFormer", "riformer-s12_in1k", "norm6", 7, FINAL_NORM),
    _row(
        "RIFormer",
        "configs/riformer/deploy/riformer-s12-deploy_8xb128_in1k.py",
        "norm6",
        7,
        FINAL_NORM,
        form="deploy",
    ),
    _row("RegNet", "regnetx-400mf_8xb128_in1k", "layer4 layer4.11", 7, RESIDUAL),
    _row("RepLKNet", "replknet-31L_in21k-pre_3rdparty_in1k-384px", "stages.3.norm", 12, FINAL_NORM),
    _row(
        "RepMLPNet",
        "repmlp-base_3rdparty_8xb64_in1k",
        "final_norm",
        7,
        FINAL_NORM,
        square=True,
    ),
    _row("RepVGG", "repvgg-A0_8xb32_in1k", "stage_4.0.act stage_4.0 stage_4 ppf", 7, BRANCHES),
    _row(
        "RepVGG",
        "repvgg-A0_8xb32_in1k",
        "stage_4.0.act stage_4.0 stage_4 ppf",
        7,
        "One convolution a block and no norm at all: the last block's output.",
        form="deploy",
        options={"model.backbone.deploy": True},
    ),
    _row("Res2Net", "res2net50-w14-s8_3rdparty_8xb32_in1k", "layer4 layer4.2", 7, RESIDUAL),
    _row("ResNeXt", "resnext50-32x4d_8xb32_in1k", "layer4 layer4.2", 7, RESIDUAL),
    _row("ResNet", "resnet18_8xb32_in1k", "layer4 layer4.1", 7, RESIDUAL),
    _row(
        "ResNet",
        "resnet101-csra_1xb16_voc07-448px",
        "layer4 layer4.2",
        14,
        f"{RESIDUAL} The multi-label head makes a score map a class, which is no feature map.",
        form="multi-label",
    ),
    _row("ResNetV1c", "resnetv1c50_8xb32_in1k", "layer4 layer4.2", 7, RESIDUAL),
    _row("ResNetV1d", "resnetv1d50_8xb32_in1k", "layer4 layer4.2", 7, RESIDUAL),
    _row(
        "ResNet_CIFAR",
        "resnet18_8xb16_cifar10",
        "layer4 layer4.1",
        4,
        f"{RESIDUAL} Its stem keeps the resolution: 32 px by a stride of 8.",
        edge=32,
    ),
    _row(
        "RevVisionTransformer",
        "revvit-small_3rdparty_in1k",
        "ln1 fusion_layer",
        14,
        "No class token; the final norm reads both streams at once, and the patches' mean is classified.",
    ),
    _row("SEResNet", "seresnet50_8xb32_in1k", "layer4 layer4.2", 7, RESIDUAL),
    _row("SVT", "twins-svt-small_3rdparty_8xb128_in1k", "norm_after_stage3", 7, FINAL_NORM),
    _row("ShuffleNetV1", "shufflenet-v1-1x_16xb64_in1k", "layers.2.3.act layers.2.3 layers.2", 7, RESIDUAL),
    _row("ShuffleNetV2", "shufflenet-v2-1x_16xb64_in1k", "layers.3.activate layers.3 layers.3.bn", 7, LAST_CONV),
    _row("SwinTransformer", "swin-tiny_16xb64_in1k", "norm3", 7, FINAL_NORM),
    _row("SwinTransformerV2", "swinv2-tiny-w8_3rdparty_in1k-256px", "norm3", 8, FINAL_NORM),
    _row("T2T_ViT", "t2t-vit-t-14_8xb64_in1k", "encoder.13.ln1", 14, CLS_ONLY, extra=1),
    _row(
        "TNT",
        "tnt-small-p16_3rdparty_in1k",
        "layers.11.outer_block.norm_attn",
        14,
        "Only the class token is read: the norm that feeds the outer block's last attention.",
        extra=1,
        square=True,
    ),
    _row(
        "TinyViT",
        "tinyvit-5m_3rdparty_in1k",
        "stages.3.blocks.1.mlp.norm stages.3.blocks.1 stages.3",
        7,
        "Tokens, pooled before the final norm: the last norm with places is the one inside the last block.",
        square=True,
    ),
    _row("VAN", "van-tiny_3rdparty_in1k", "norm4", 7, FINAL_NORM),
    _row(
        "VGG",
        "vgg11_8xb32_in1k",
        "features.12",
        7,
        "No norm at all: what the classifier reads, the last pooling, as grad-cam's guide names it.",
        square=True,
    ),
    _row(
        "VGG",
        "configs/vgg/vgg16_8xb16_voc.py",
        "features.17",
        7,
        "No norm at all: the last pooling.",
        form="multi-label",
        square=True,
    ),
    _row(
        "ViTEVA02",
        "vit-tiny-p14_eva02-in21k-pre_3rdparty_in1k-336px",
        "layers.11.norm2 layers.11",
        24,
        PATCH_MEAN,
        extra=1,
    ),
    _row(
        "ViTEVA02",
        "vit-base-p14_eva02-in21k-pre_3rdparty_in1k-448px",
        "layers.11.norm2 layers.11",
        32,
        f"{PATCH_MEAN} The norm inside the gated feed-forward part is of its hidden width.",
        form="norm inside the gate",
        extra=1,
    ),
    _row(
        "ViTSAM",
        "vit-base-p16_sam-pre_3rdparty_sa1b-1024px",
        "channel_reduction.3 channel_reduction",
        14,
        "Planes without a class token; two convolutions reduce the channels, each with a norm.",
        form="with a head, 224 px",
        options={
            "model.backbone.img_size": 224,
            "model.neck._delete_": True,
            "model.neck.type": "GlobalAveragePooling",
            "model.head.in_channels": 256,
            **HEAD,
        },
    ),
    _row(
        "Vig",
        "vig-tiny_3rdparty_in1k",
        "blocks.11.1 blocks.11",
        14,
        "A graph net of planes: the last feed-forward part behind its sum.",
        square=True,
    ),
    _row("VisionTransformer", "deit-tiny_4xb256_in1k", "layers.11.ln1", 14, CLS_ONLY, extra=1),
    _row("VisionTransformer", "vit-base-p32_clip-openai-pre_3rdparty_in1k", "layers.11.ln1", 7, CLS_ONLY, extra=1),
    _row(
        "VisionTransformer",
        "vit-base-p16_mae-300e-pre_8xb128-coslr-100e_in1k",
        "layers.11.ln2 layers.11",
        14,
        PATCH_MEAN,
        form="mean of patches",
        extra=1,
    ),
    _row(
        "VisionTransformer",
        "vit-small-p14_dinov2-pre_3rdparty",
        "layers.11.ln1",
        16,
        f"{CLS_ONLY} DINOv2, whose published file has no head.",
        form="with a head, 224 px",
        options={"model.head.in_channels": 384, **HEAD},
        extra=1,
    ),
    _row(
        "XCiT",
        "xcit-nano-12-p16_3rdparty_in1k",
        "ca_layers.1.norm1",
        14,
        "Two class-attention layers follow the others: the norm that feeds the last of them still has live patches.",
        extra=1,
    ),
    # Not in the index, but a config or a class ships with the library.
    _row(
        "LeNet5",
        "configs/lenet/lenet5_mnist.py",
        "features.5",
        5,
        "Grey pictures of 32 px; the last convolution leaves one cell, so the pooling before it is the last grid.",
        form="MNIST",
        square=True,
    ),
    _row("ResNeSt", "configs/resnest/resnest50_32xb64_in1k.py", "layer4 layer4.2", 8, RESIDUAL),
    _row("SEResNeXt", "configs/seresnet/seresnext50-32x4d_8xb32_in1k.py", "layer4 layer4.2", 7, RESIDUAL),
    _row(
        "VGG",
        "configs/vgg/vgg11bn_8xb32_in1k.py",
        "features.12",
        7,
        "The last norm has a finer grid than what the classifier reads, the last pooling.",
        form="with norms",
        square=True,
    ),
)
