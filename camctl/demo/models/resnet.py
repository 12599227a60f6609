"""A ResNet-18 with 10 base channels, for 112 px pictures of the demo's classes; 14 x 14 cells at the end."""
# ruff: noqa: INP001 - a configuration that mmengine reads; nothing imports it

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
data_preprocessor = {
    "num_classes": 8,
    "mean": [123.675, 116.28, 103.53],
    "std": [58.395, 57.12, 57.375],
    "to_rgb": True,
}
test_pipeline = [
    {"type": "LoadImageFromFile"},
    {"type": "Resize", "scale": 112},
    {"type": "PackInputs"},
]
test_dataloader = {
    "batch_size": 32,
    "num_workers": 0,
    "dataset": {"type": "CustomDataset", "data_root": "", "pipeline": test_pipeline},
    "sampler": {"type": "DefaultSampler", "shuffle": False},
}
default_scope = "mmpretrain"
