"""A ResNet-18 with 10 base channels, for 112 px pictures of the demo's classes; 14 x 14 cells at the end."""
# ruff: noqa: INP001 - a configuration that mmengine reads; nothing imports it

_base_ = "_scenes.py"
model = {
    "type": "ImageClassifier",
    "backbone": {
        "type": "ResNet",
        "depth": 18,
        "stem_channels": 16,
        "base_channels": 10,
        "num_stages": 4,
        "strides": (1, 2, 1, 1),
        "out_indices": (3,),
        "style": "pytorch",
    },
    "neck": {"type": "GlobalAveragePooling"},
    "head": {"type": "LinearClsHead", "num_classes": 8, "in_channels": 80},
}
