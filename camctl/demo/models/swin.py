"""A Swin transformer 32 wide, for 112 px pictures of the demo's classes; it ends with 14 x 14 tokens."""
# ruff: noqa: INP001 - a configuration that mmengine reads; nothing imports it

_base_ = "_scenes.py"
model = {
    "type": "ImageClassifier",
    "backbone": {
        "type": "SwinTransformer",
        "arch": {"embed_dims": 32, "depths": [2, 2, 2, 1], "num_heads": [2, 4, 4, 4]},
        "img_size": 112,
        "patch_size": 4,
        "window_size": 7,
        "drop_path_rate": 0.0,
        "patch_cfg": {"kernel_size": 8, "stride": 4, "padding": 2},
        "stage_cfgs": [{}, {"downsample": False}, {"downsample": False}, {}],
        "init_cfg": [
            {"type": "Xavier", "layer": "Linear", "distribution": "uniform"},
            {"type": "Constant", "layer": "LayerNorm", "val": 1.0, "bias": 0.0},
        ],
    },
    "neck": {"type": "GlobalAveragePooling"},
    "head": {"type": "LinearClsHead", "num_classes": 8, "in_channels": 64},
}
