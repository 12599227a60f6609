"""A T2T-ViT 64 wide, for 112 px pictures of the demo's classes; a class token and 7 x 7 tokens."""
# ruff: noqa: INP001 - a configuration that mmengine reads; nothing imports it

_base_ = "_scenes.py"
model = {
    "type": "ImageClassifier",
    "backbone": {
        "type": "T2T_ViT",
        "img_size": 112,
        "embed_dims": 64,
        "num_layers": 4,
        "t2t_cfg": {"token_dims": 32, "use_performer": False},
        "layer_cfgs": {"num_heads": 2, "feedforward_channels": 160},
        "init_cfg": [
            {"type": "TruncNormal", "layer": "Linear", "std": 0.05},
            {"type": "Constant", "layer": "LayerNorm", "val": 1.0, "bias": 0.0},
        ],
    },
    "neck": None,
    "head": {"type": "VisionTransformerClsHead", "num_classes": 8, "in_channels": 64},
}
