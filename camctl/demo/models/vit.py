"""A vision transformer 64 wide, for 112 px pictures of the demo's classes; a class token, 14 x 14 patches."""
# ruff: noqa: INP001 - a configuration that mmengine reads; nothing imports it

_base_ = "_scenes.py"
model = {
    "type": "ImageClassifier",
    "backbone": {
        "type": "VisionTransformer",
        "arch": {"embed_dims": 64, "num_layers": 5, "num_heads": 2, "feedforward_channels": 160},
        "img_size": 112,
        "patch_size": 8,
        "out_type": "cls_token",
        "patch_cfg": {"kernel_size": 12, "stride": 8, "padding": 2},
        "init_cfg": [
            {"type": "TruncNormal", "layer": "Linear", "std": 0.02},
            {"type": "Constant", "layer": "LayerNorm", "val": 1.0, "bias": 0.0},
        ],
    },
    "neck": None,
    "head": {"type": "VisionTransformerClsHead", "num_classes": 8, "in_channels": 64},
}
