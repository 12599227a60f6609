"""Settings of tiny mmpretrain classifiers, for pictures of 32 px."""

from typing import Any

PIPELINE = [
    {"type": "LoadImageFromFile"},
    {"type": "ResizeEdge", "scale": 36, "edge": "short"},
    {"type": "CenterCrop", "crop_size": 32},
    {"type": "PackInputs"},
]
PREPROCESSOR: dict[str, Any] = {
    "num_classes": 3,
    "mean": [100.0, 110.0, 120.0],
    "std": [50.0, 60.0, 70.0],
    "to_rgb": True,
}
RESNET: dict[str, Any] = {
    "type": "ImageClassifier",
    "backbone": {"type": "ResNet", "depth": 18, "base_channels": 4, "stem_channels": 4},
    "neck": {"type": "GlobalAveragePooling"},
    "head": {"type": "LinearClsHead", "num_classes": 3, "in_channels": 32},
}
VIT: dict[str, Any] = {
    "type": "ImageClassifier",
    "backbone": {
        "type": "VisionTransformer",
        "arch": {"embed_dims": 16, "num_layers": 2, "num_heads": 2, "feedforward_channels": 32},
        "img_size": 32,
        "patch_size": 8,
    },
    "head": {"type": "VisionTransformerClsHead", "num_classes": 3, "in_channels": 16},
}
