"""Tiny configurations of what is no classifier: detectors, segmenters, depth estimators and encoders.

Answers are written from the forward passes, as those of the classifiers in `transformers_families`. Of a network that
reads several feature maps side by side the layer is the last that is made of one of them alone.
"""

from __future__ import annotations

from typing import Any

import transformers
from transformers_families import FAMILIES, Family

RESNET: dict[str, Any] = {
    "model_type": "resnet",
    "embedding_size": 12,
    "hidden_sizes": [12, 24, 40, 48],
    "depths": [1, 1, 1, 1],
    "layer_type": "basic",
}
STAGES = ["stage1", "stage2", "stage3", "stage4"]
DETR: dict[str, Any] = {
    "use_timm_backbone": False,
    "backbone_config": RESNET | {"out_features": ["stage4"]},
    "d_model": 24,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
    "num_queries": 20,
}
DEFORMABLE = DETR | {"d_model": 32, "backbone_config": RESNET | {"out_features": STAGES[1:]}, "num_feature_levels": 4}
HGNET: dict[str, Any] = {
    "model_type": "hgnet_v2",
    "embedding_size": 12,
    "depths": [1, 1, 1, 1],
    "hidden_sizes": [12, 24, 40, 48],
    "stem_channels": [3, 8, 12],
    "stage_in_channels": [12, 12, 24, 40],
    "stage_mid_channels": [8, 8, 12, 12],
    "stage_out_channels": [12, 24, 40, 48],
    "stage_num_blocks": [1, 1, 1, 1],
    "stage_numb_of_layers": [1, 1, 1, 1],
    "out_features": STAGES[1:],
}
HYBRID: dict[str, Any] = {
    "backbone_config": RESNET | {"model_type": "rt_detr_resnet", "out_features": STAGES[1:]},
    "encoder_hidden_dim": 24,
    "encoder_in_channels": [24, 40, 48],
    "encoder_ffn_dim": 32,
    "encoder_attention_heads": 4,
    "d_model": 24,
    "num_queries": 20,
    "decoder_in_channels": [24, 24, 24],
    "decoder_ffn_dim": 32,
    "decoder_layers": 2,
    "decoder_attention_heads": 4,
    "num_denoising": 0,
    "hidden_expansion": 0.5,
}
DECODER: dict[str, Any] = {
    "d_model": 24,
    "decoder_ffn_dim": 32,
    "decoder_layers": 2,
    "decoder_self_attention_heads": 4,
    "decoder_cross_attention_heads": 4,
    "num_queries": 20,
    "group_detr": 1,
}
VIT: dict[str, Any] = {
    "hidden_size": 48,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "image_size": 64,
    "patch_size": 8,
}
BACKBONE = {key: VIT[key] for key in VIT if key != "intermediate_size"} | {"out_features": STAGES}
TOKENS = BACKBONE | {"reshape_hidden_states": False}
SWIN: dict[str, Any] = {
    "model_type": "swin",
    "embed_dim": 12,
    "depths": [1, 1, 1, 2],
    "num_heads": [2, 2, 4, 4],
    "window_size": 4,
    "image_size": 64,
    "patch_size": 2,
    "out_features": STAGES,
}
FUSION = {"neck_hidden_sizes": [12, 24, 40, 48], "fusion_hidden_size": 24}
BEIT = VIT | {"out_indices": [1, 2, 3, 4], "use_relative_position_bias": True, "auxiliary_channels": 12}
DPT = VIT | FUSION | {"patch_size": 16, "backbone_out_indices": [0, 1, 2, 3]}
ANYTHING = FUSION | {
    "backbone_config": TOKENS | {"model_type": "dinov2"},
    "reassemble_hidden_size": 48,
    "patch_size": 8,
    "head_hidden_size": 12,
}

LAST_TOKENS = "The encoder's last norm, whose tokens the queries look at."
LAST_LEVEL = "Queries look at three maps side by side: the last projection, the norm of the deepest."
BEFORE_CLASSES = "The norm before the last 1 x 1 convolution, which a ReLU alone follows."
BEFORE_CLASSES_ACTIVATED = "The last activation before the class scores of each place."
BEFORE_DEPTH = "The last features before the one channel of depth."
CLASS_TOKEN = "Only the class token is read: the norm that feeds the last attention is the last live one."  # noqa: S105


def _family(kind: str, config: dict[str, Any], layer: str, cells: int, why: str, **more: Any) -> Family:
    return Family(kind=kind, config=config, layer=layer, grid=(cells, cells), why=why, **more)


DETECTORS: dict[str, Family] = {
    "detr": _family(
        "DetrForObjectDetection", DETR, "model.encoder.layers.*.final_layer_norm", 4, LAST_TOKENS, size=128
    ),
    "conditional_detr": _family(
        "ConditionalDetrForObjectDetection", DETR, "model.encoder.layers.*.final_layer_norm", 4, LAST_TOKENS, size=128
    ),
    "dab-detr": _family(
        "DabDetrForObjectDetection",
        {key.replace("d_model", "hidden_size"): value for key, value in DETR.items()},
        "model.encoder.layers.*.final_layer_norm",
        4,
        LAST_TOKENS,
        size=128,
    ),
    "table-transformer": _family(
        "TableTransformerForObjectDetection", DETR, "model.encoder.layernorm", 4, LAST_TOKENS, size=128
    ),
    "yolos": _family(
        "YolosForObjectDetection",
        VIT | {"image_size": [64, 64]},
        "vit.encoder.layer.*.layernorm_before",
        8,
        "After the last attention only the detections' tokens are read.",
        extra_tokens=101,
    ),
    "deformable_detr": _family(
        "DeformableDetrForObjectDetection", DEFORMABLE, "model.input_proj.*.1", 2, LAST_LEVEL, size=128
    ),
    "deformable_detr-two-stage": _family(
        "DeformableDetrForObjectDetection",
        DEFORMABLE | {"two_stage": True, "with_box_refine": True, "two_stage_num_proposals": 20},
        "model.input_proj.*.1",
        2,
        LAST_LEVEL,
        size=128,
    ),
    "rt_detr": _family("RTDetrForObjectDetection", HYBRID, "model.decoder_input_proj.*.1", 4, LAST_LEVEL, size=128),
    "rt_detr_v2": _family(
        "RTDetrV2ForObjectDetection", HYBRID, "model.decoder_input_proj.*.1", 4, LAST_LEVEL, size=128
    ),
    "d_fine": _family(
        "DFineForObjectDetection",
        HYBRID | {"backbone_config": HGNET},
        "model.encoder.pan_blocks.1.conv4.activation",
        4,
        "The deepest of three maps, joined from below; nothing is projected.",
        size=128,
    ),
    "deimv2": _family(
        "Deimv2ForObjectDetection",
        HYBRID | {"backbone_config": HGNET},
        "model.encoder.pan_blocks.1.conv2.activation",
        4,
        "As D-FINE.",
        size=128,
    ),
    "lw_detr": _family(
        "LwDetrForObjectDetection",
        DECODER
        | {
            "backbone_config": BACKBONE
            | {
                "model_type": "lw_detr_vit",
                "image_size": 128,
                "pretrain_image_size": 64,
                "out_features": ["stage2", "stage4"],
                "window_block_indices": [0, 2],
                "num_windows": 4,
            },
            "projector_scale_factors": [1.0],
        },
        "model.backbone.projector.scale_layers.0.layer_norm",
        16,
        "One map, whose norm queries look at.",
        size=128,
    ),
    "rf_detr": _family(
        "RfDetrForObjectDetection",
        DECODER
        | {
            "backbone_config": BACKBONE
            | {
                "model_type": "rf_detr_dinov2",
                "image_size": 128,
                "out_features": ["stage2", "stage4"],
                "num_windows": 2,
                "window_block_indexes": [0, 2],
            },
        },
        "model.backbone.projector.layer_norm",
        16,
        "As LW-DETR.",
        size=128,
    ),
    "pp_doclayout_v2": _family(
        "PPDocLayoutV2ForObjectDetection",
        HYBRID | {"backbone_config": HGNET, "class_thresholds": [0.5] * 5, "class_order": [0, 1, 2, 3, 4]},
        "model.decoder_input_proj.*.1",
        4,
        LAST_LEVEL,
        size=128,
    ),
    "pp_doclayout_v3": _family(
        "PPDocLayoutV3ForObjectDetection",
        HYBRID | {"backbone_config": HGNET | {"out_features": STAGES}, "x4_feat_dim": 12},
        "model.decoder_input_proj.*.1",
        4,
        LAST_LEVEL,
        size=128,
    ),
}
SEGMENTERS: dict[str, Family] = {
    "segformer-segmenter": _family(
        "SegformerForSemanticSegmentation",
        FAMILIES["segformer"].config | {"decoder_hidden_size": 24},
        "decode_head.batch_norm",
        32,
        BEFORE_CLASSES,
        size=128,
    ),
    "beit-segmenter": _family(
        "BeitForSemanticSegmentation", BEIT, "decode_head.fpn_bottleneck.normalization", 32, BEFORE_CLASSES
    ),
    "data2vec-vision-segmenter": _family(
        "Data2VecVisionForSemanticSegmentation", BEIT, "decode_head.fpn_bottleneck.normalization", 32, BEFORE_CLASSES
    ),
    "dpt-segmenter": _family("DPTForSemanticSegmentation", DPT, "head.head.1", 32, BEFORE_CLASSES),
    "mobilenet_v2-segmenter": _family(
        "MobileNetV2ForSemanticSegmentation",
        {"image_size": 128},
        "segmentation_head.conv_projection.normalization",
        4,
        BEFORE_CLASSES,
        size=128,
    ),
    "mobilevit-segmenter": _family(
        "MobileViTForSemanticSegmentation",
        FAMILIES["mobilevit"].config | {"aspp_out_channels": 24},
        "segmentation_head.aspp.project.normalization",
        4,
        BEFORE_CLASSES,
        size=128,
    ),
    "mobilevitv2-segmenter": _family(
        "MobileViTV2ForSemanticSegmentation",
        FAMILIES["mobilevitv2"].config | {"aspp_out_channels": 24},
        "segmentation_head.aspp.project.normalization",
        4,
        BEFORE_CLASSES,
        size=128,
    ),
    "sapiens2-segmenter": _family(
        "Sapiens2ForSemanticSegmentation",
        VIT | {"image_size": [64, 64], "head_config": {"upsample_out_channels": [24, 24], "conv_out_channels": [24]}},
        "decode_head.conv_layers.0.act_fn",
        32,
        BEFORE_CLASSES_ACTIVATED,
    ),
    "tipsv2_dpt-segmenter": _family(
        "Tipsv2DptForSemanticSegmentation",
        FUSION | {"backbone_config": TOKENS | {"model_type": "tipsv2_vision_model"}},
        "decoder.project",
        64,
        BEFORE_CLASSES_ACTIVATED,
    ),
    "upernet": _family(
        "UperNetForSemanticSegmentation",
        {"backbone_config": SWIN, "hidden_size": 24, "auxiliary_in_channels": 48, "auxiliary_channels": 12},
        "decode_head.fpn_bottleneck.batch_norm",
        32,
        BEFORE_CLASSES,
    ),
    "upernet-convnext": _family(
        "UperNetForSemanticSegmentation",
        {
            "backbone_config": FAMILIES["convnext"].config | {"model_type": "convnext", "out_features": STAGES},
            "hidden_size": 24,
            "auxiliary_in_channels": 40,
            "auxiliary_channels": 12,
        },
        "decode_head.fpn_bottleneck.batch_norm",
        32,
        BEFORE_CLASSES,
        size=128,
    ),
    "maskformer": _family(
        "MaskFormerForInstanceSegmentation",
        {
            "backbone_config": SWIN,
            "fpn_feature_size": 32,
            "mask_feature_size": 32,
            "decoder_config": {key: value for key, value in DETR.items() if "backbone" not in key}
            | {"model_type": "detr", "d_model": 32},
        },
        "model.transformer_module.input_projection",
        4,
        "Queries look at the deepest map, projected.",
    ),
    "mask2former": _family(
        "Mask2FormerForUniversalSegmentation",
        {
            "backbone_config": SWIN,
            "feature_size": 32,
            "mask_feature_size": 32,
            "hidden_dim": 32,
            "encoder_feedforward_dim": 32,
            "encoder_layers": 1,
            "decoder_layers": 2,
            "dim_feedforward": 32,
            "num_attention_heads": 4,
            "num_queries": 20,
        },
        "model.transformer_module.input_projections.0",
        4,
        "Queries look at three maps in turn, the deepest first; the others are made of rows of several maps.",
    ),
    "detr-segmenter": _family(
        "DetrForSegmentation",
        DETR
        | {
            "d_model": 128,
            "encoder_attention_heads": 8,
            "decoder_attention_heads": 8,
            "backbone_config": RESNET | {"out_features": STAGES},
        },
        "detr.model.encoder.layers.*.final_layer_norm",
        4,
        LAST_TOKENS,
        size=128,
    ),
    "eomt": _family(
        "EomtForUniversalSegmentation",
        {key: value for key, value in VIT.items() if key != "intermediate_size"} | {"num_queries": 20, "num_blocks": 2},
        "upscale_block.block.1.layernorm2d",
        32,
        "The features that each query's mask is cut out of.",
    ),
    "eomt_dinov3": _family(
        "EomtDinov3ForUniversalSegmentation",
        VIT | {"num_queries": 20, "num_blocks": 2},
        "upscale_block.block.1.layernorm2d",
        32,
        "As EoMT.",
    ),
}
DEPTHS: dict[str, Family] = {
    "dpt": _family("DPTForDepthEstimation", DPT, "head.head.3", 64, BEFORE_DEPTH),
    "dpt-dinov2": _family(
        "DPTForDepthEstimation",
        FUSION | {"backbone_config": TOKENS | {"model_type": "dinov2"}},
        "head.head.0",
        64,
        "As DPT, at half the size: what follows has more cells than the picture has pixels.",
    ),
    "depth_anything": _family("DepthAnythingForDepthEstimation", ANYTHING, "head.activation1", 64, BEFORE_DEPTH),
    "prompt_depth_anything": _family(
        "PromptDepthAnythingForDepthEstimation", ANYTHING, "head.activation1", 64, BEFORE_DEPTH
    ),
    "glpn": _family(
        "GLPNForDepthEstimation",
        {
            "hidden_sizes": [12, 24, 40, 48],
            "depths": [1, 1, 1, 1],
            "num_attention_heads": [1, 2, 4, 4],
            "decoder_hidden_size": 24,
        },
        "head.head.1",
        64,
        BEFORE_DEPTH,
    ),
    "chmv2": _family(
        "CHMv2ForDepthEstimation",
        {
            "backbone_config": VIT
            | {
                "model_type": "dinov3_vit",
                "num_register_tokens": 4,
                "out_features": STAGES,
                "reshape_hidden_states": True,
                "return_class_token": True,
            },
            "patch_size": 8,
            "post_process_channels": [12, 24, 40, 48],
            "fusion_hidden_size": 24,
            "head_hidden_size": 12,
            "number_output_channels": 16,
        },
        "head.conv_depth.head.0",
        64,
        BEFORE_DEPTH,
    ),
    "depth_pro": _family(
        "DepthProForDepthEstimation",
        {
            "patch_size": 32,
            "fusion_hidden_size": 24,
            "intermediate_hook_ids": [1, 0],
            "intermediate_feature_dims": [24, 24],
            "scaled_images_feature_dims": [24, 24, 24],
        }
        | {
            f"{part}_model_config": {
                "model_type": "dinov2",
                "hidden_size": 48,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
                "image_size": 32,
                "patch_size": 16,
            }
            for part in ("image", "patch", "fov")
        },
        "head.layers.3",
        128,
        BEFORE_DEPTH,
        size=128,
    ),
    "zoedepth": _family(
        "ZoeDepthForDepthEstimation",
        FUSION
        | {
            "backbone_config": TOKENS
            | VIT
            | {"model_type": "beit", "use_relative_position_bias": True, "patch_size": 16},
            "backbone_hidden_size": 48,
            "bottleneck_features": 24,
            "num_relative_features": 12,
            "bin_embedding_dim": 12,
            "num_attractors": [4, 2, 2, 1],
        },
        "metric_head.conditional_log_binomial.log_binomial_transform",
        64,
        "The shares of the bins of depth; random weights give each place the same.",
    ),
    "tipsv2_dpt": _family(
        "Tipsv2DptForDepthEstimation",
        FUSION | {"backbone_config": TOKENS | {"model_type": "tipsv2_vision_model"}},
        "bin_regressor.activation",
        64,
        "The shares of the bins of depth.",
    ),
}


def _encoder(kind: str, name: str, layer: str = "", **more: Any) -> Family:
    """An encoder whose classifier stands in `FAMILIES`: its layer without a prefix, unless one is given."""
    like = FAMILIES[name]
    own = layer or like.layer.removeprefix(f"{name.replace('-', '_')}.")
    given = {"grid": like.grid, "extra_tokens": like.extra_tokens, "size": like.size, "config": like.config} | more
    return Family(kind=kind, layer=own, why=like.why if not layer else CLASS_TOKEN, **given)


def _vit(kind: str, layer: str, extra_tokens: int = 1, why: str = CLASS_TOKEN, **more: Any) -> Family:
    return _family(kind, VIT | more, layer, 8, why, extra_tokens=extra_tokens)


ENCODERS: dict[str, Family] = {
    "vit-encoder": _vit("ViTModel", "layers.*.layernorm_before"),
    "deit-encoder": _vit("DeiTModel", "layers.*.layernorm_before", 2),
    "vit_msn-encoder": _vit("ViTMSNModel", "layers.*.layernorm_before"),
    "vit_mae-encoder": _vit(
        "ViTMAEModel",
        "layers.*.layernorm_before",
        decoder_hidden_size=24,
        decoder_num_attention_heads=4,
        decoder_intermediate_size=32,
    ),
    "ijepa-encoder": _vit("IJepaModel", "layernorm", 0, "The final norm, whose places are averaged."),
    "beit-encoder": _encoder("BeitModel", "beit"),
    "data2vec-vision-encoder": _vit("Data2VecVisionModel", "encoder.layer.*.layernorm_before"),
    "dinov2-encoder": _encoder("Dinov2Model", "dinov2", "encoder.layer.*.norm1"),
    "dinov2_with_registers-encoder": _encoder(
        "Dinov2WithRegistersModel", "dinov2_with_registers", "encoder.layer.*.norm1"
    ),
    "dinov3_vit-encoder": _vit("DINOv3ViTModel", "model.layer.*.norm1", 5, num_register_tokens=4),
    "dinov3_convnext-encoder": _family(
        "DINOv3ConvNextModel",
        {"hidden_sizes": [12, 24, 40, 80], "depths": [1, 1, 2, 2], "image_size": 128},
        "model.stages.3.layers.1",
        4,
        "The last block's output; what follows the blocks is pooled first.",
        size=128,
    ),
    "clip-encoder": _vit("CLIPVisionModel", "encoder.layers.*.layer_norm1"),
    "clip-projected": _vit("CLIPVisionModelWithProjection", "vision_model.encoder.layers.*.layer_norm1"),
    "siglip-encoder": _vit(
        "SiglipVisionModel", "post_layernorm", 0, "A learned query looks at all patches after the final norm."
    ),
    "siglip2-encoder": Family(
        kind="Siglip2VisionModel",
        config={key: value for key, value in VIT.items() if key != "image_size"} | {"num_patches": 64},
        layer="post_layernorm",
        grid=(7, 9),
        why="As SigLIP; patches keep the picture's aspect ratio.",
    ),
    "aimv2-encoder": _vit("Aimv2VisionModel", "rms_norm", 0, "As SigLIP."),
    "mlcd-encoder": _vit("MLCDVisionModel", "encoder.layers.*.layer_norm1"),
    "chinese_clip-encoder": _vit("ChineseCLIPVisionModel", "encoder.layers.*.layer_norm1"),
    "tipsv2-encoder": _vit("Tipsv2VisionModel", "encoder.layer.*.norm1", 2),
    "internvl-encoder": _vit(
        "InternVLVisionModel", "encoder.layer.*.layernorm_before", image_size=[64, 64], patch_size=[8, 8]
    ),
    "sapiens2-encoder": _vit("Sapiens2Model", "model.layer.*.norm1", 9, image_size=[64, 64]),
    "pixio-encoder": _vit("PixioModel", "layers.*.layernorm_before", 8),
    "radio-encoder": _vit("RadioModel", "encoder.layer.*.norm1", 10),
    "vitdet-encoder": _vit("VitDetModel", "encoder.layer.3", 0, "The last block's output, a map: no norm follows."),
    "swin-encoder": _encoder("SwinModel", "swin"),
    "swinv2-encoder": _encoder("Swinv2Model", "swinv2"),
    "convnext-encoder": _encoder("ConvNextModel", "convnext"),
    "convnextv2-encoder": _encoder("ConvNextV2Model", "convnextv2"),
    "resnet-encoder": _encoder("ResNetModel", "resnet"),
    "regnet-encoder": _encoder("RegNetModel", "regnet"),
    "bit-encoder": _encoder("BitModel", "bit"),
    "hiera-encoder": _encoder("HieraModel", "hiera"),
    "pvt-encoder": _encoder("PvtModel", "pvt"),
    "pvt_v2-encoder": _encoder("PvtV2Model", "pvt_v2"),
    "segformer-encoder": _encoder("SegformerModel", "segformer"),
    "cvt-encoder": _encoder("CvtModel", "cvt"),
    "levit-encoder": _encoder("LevitModel", "levit"),
    "swiftformer-encoder": _encoder("SwiftFormerModel", "swiftformer", "encoder.network.6.blocks.1"),
    "poolformer-encoder": _encoder("PoolFormerModel", "poolformer", "encoder.block.3.1"),
    "focalnet-encoder": _encoder("FocalNetModel", "focalnet"),
    "mobilenet_v1-encoder": _encoder("MobileNetV1Model", "mobilenet_v1"),
    "mobilenet_v2-encoder": _encoder("MobileNetV2Model", "mobilenet_v2"),
    "mobilevit-encoder": _encoder("MobileViTModel", "mobilevit"),
    "mobilevitv2-encoder": _encoder("MobileViTV2Model", "mobilevitv2"),
    "efficientnet-encoder": _encoder("EfficientNetModel", "efficientnet"),
    "textnet-encoder": _encoder("TextNetModel", "textnet"),
}
TASKS = {
    kind: {name: family for name, family in families.items() if family.kind in dir(transformers)}
    for kind, families in (
        ("detectors", DETECTORS),
        ("segmenters", SEGMENTERS),
        ("depth estimators", DEPTHS),
        ("encoders", ENCODERS),
    )
}
"""Kind, as COVERAGE.md calls it -> its families that this version of transformers has."""

ALL = FAMILIES | {name: family for families in TASKS.values() for name, family in families.items()}
